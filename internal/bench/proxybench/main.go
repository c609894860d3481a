// Command proxybench compares the proxy of `authsome run` with the smallest proxies that could do each half of its work,
// and with mitmproxy, and prints Markdown tables of ratios.
//
// Origin, proxies and client are processes of their own, as they are in a run, and share this machine's processors: the
// ratios carry over to other machines, the absolute figures do not. Every figure is a median over rounds in which the
// candidates take turns.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"
)

// hostMatched is the name under which the proxy of authsome decrypts the origin, hostOther the one under which it
// tunnels to it. hostsFirst are decrypted, too.
const (
	hostMatched = "api.bench.test"
	hostOther   = "other.bench.test"
	hostsFirst  = ".first.bench.test"
)

// options is how much is measured.
type options struct {
	rows        *regexp.Regexp // which rows, by name; nil means all
	rounds      int
	slice       time.Duration // how long each turn takes that is bounded by time
	connections []int         // of the keep-alive requests
	bulk        int64         // bytes of one download or upload
	hosts       int           // names of the first contact
	tunnels     int           // idle ones
}

func main() {
	var o options
	role := flag.String("role", "", "internal: what this process is")
	origin := flag.String("origin", "", "internal: the origin, as JSON")
	rows := flag.String("rows", "", "measure the rows whose name this regular expression matches; -list prints the names")
	list := flag.Bool("list", false, "print the names of the rows and exit")
	flag.IntVar(&o.rounds, "rounds", 31, "how often the candidates take turns; in bulk at most nine times")
	flag.DurationVar(&o.slice, "time", 300*time.Millisecond, "how long each turn takes")
	flag.Int64Var(&o.bulk, "bulk", 1<<30, "how many bytes a download or an upload has")
	flag.IntVar(&o.hosts, "hosts", 10_000, "how many new host names are contacted")
	flag.IntVar(&o.tunnels, "tunnels", 10_000, "how many idle tunnels are held")
	flag.Parse()
	o.connections = []int{1, 8, 64, 256}
	err := error(nil)
	switch {
	case *role != "":
		err = play(*role, *origin)
	case *list:
		for _, t := range o.tables() {
			for _, r := range t.rows {
				fmt.Println(r.name)
			}
		}
	default:
		if o.rows, err = regexp.Compile(*rows); err == nil {
			err = compare(os.Stdout, o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// play is one of the child processes.
func play(role, origin string) error {
	raiseFileLimit(maxFiles)
	var at endpoint
	if origin != "" {
		if err := json.Unmarshal([]byte(origin), &at); err != nil {
			return fmt.Errorf("read the origin's endpoint: %w", err)
		}
	}
	serve, ok := map[string]func(endpoint) error{
		"origin": serveOrigin, "tunnel": serveTunnel, "smallest": serveSmallest, "authsome": serveAuthsome, "redacting": serveRedacting,
		"mitmproxy": serveMitmproxy,
	}[role]
	if !ok {
		return fmt.Errorf("there is no role %q", role)
	}
	return serve(at)
}

// compare measures the rows and writes the tables.
func compare(out io.Writer, o options) error {
	raiseFileLimit(maxFiles)
	f := &field{options: o}
	defer f.close()
	if err := f.start("origin"); err != nil {
		return err
	}
	for _, t := range o.tables() {
		head := false
		for _, r := range t.rows {
			if o.rows != nil && !o.rows.MatchString(r.name) {
				continue
			}
			if !head {
				fmt.Fprintf(out, "\n%s\n\n%s\n", t.text, t.head)
				head = true
			}
			line, err := r.measure(f)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			fmt.Fprintln(out, line)
		}
	}
	return nil
}
