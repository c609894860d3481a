// Command proxybench compares the proxy of `authsome run` with the smallest proxies that could do each half of its work,
// and prints a Markdown table of ratios.
//
// Origin, proxies and client are processes of their own, as they are in a run, and share this machine's processors: the
// ratios carry over to other machines, the absolute figures do not. Every figure is a median over rounds in which the
// candidates take turns.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// hostMatched is the name under which the proxy of authsome decrypts the origin, hostOther the one under which it
// tunnels to it.
const (
	hostMatched = "api.bench.test"
	hostOther   = "other.bench.test"
)

// endpoint is what a child process says of itself on its first line of output.
type endpoint struct {
	Address string `json:"address"`
	CA      []byte `json:"ca,omitempty"` // PEM
	PID     int    `json:"pid"`
}

func main() {
	role := flag.String("role", "", "internal: what this process is")
	origin := flag.String("origin", "", "internal: the origin, as JSON")
	rounds := flag.Int("rounds", 5, "how often the candidates take turns")
	slice := flag.Duration("time", 450*time.Millisecond, "how long each turn takes")
	flag.Parse()
	if err := run(*role, *origin, *rounds, *slice); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(role, origin string, rounds int, slice time.Duration) error {
	if role == "" {
		return compare(os.Stdout, []int{1, 8, 64, 256}, rounds, slice)
	}
	var at endpoint
	if origin != "" {
		if err := json.Unmarshal([]byte(origin), &at); err != nil {
			return fmt.Errorf("read the origin's endpoint: %w", err)
		}
	}
	serve, ok := map[string]func(endpoint) error{
		"origin": serveOrigin, "tunnel": serveTunnel, "smallest": serveSmallest, "authsome": serveAuthsome,
	}[role]
	if !ok {
		return fmt.Errorf("there is no role %q", role)
	}
	return serve(at)
}

// announce tells the parent where this process listens, and ends the process when the parent has gone.
func announce(e endpoint) error {
	e.PID = os.Getpid()
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		atEnd()
		os.Exit(0)
	}()
	_, err = fmt.Println(string(line))
	return err
}

// start starts this program in another role. stop ends it.
func start(role string, origin endpoint) (at endpoint, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return at, nil, err
	}
	encoded, err := json.Marshal(origin)
	if err != nil {
		return at, nil, err
	}
	cmd := exec.Command(self, "-role", role, "-origin", string(encoded))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return at, nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return at, nil, err
	}
	if err := cmd.Start(); err != nil {
		return at, nil, fmt.Errorf("start the %s: %w", role, err)
	}
	stop = func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &at)
	}
	if err != nil {
		stop()
		return at, nil, fmt.Errorf("start the %s: %w", role, err)
	}
	return at, stop, nil
}

// candidate is one way to the origin.
type candidate struct {
	name   string
	target target
}

// measurement is one line of the table.
type measurement struct {
	title string
	unit  string
	run   func(target) (float64, error)
}

// result is what a candidate did in one turn.
type result struct {
	rate float64
	cpu  float64 // the proxy's processor time per unit of work
}

// compare starts the processes, measures with the given numbers of connections and writes the table.
func compare(out io.Writer, connections []int, rounds int, slice time.Duration) error {
	origin, stop, err := start("origin", endpoint{})
	if err != nil {
		return err
	}
	defer stop()
	proxies := map[string]endpoint{}
	for _, role := range []string{"tunnel", "smallest", "authsome"} {
		at, stop, err := start(role, origin)
		if err != nil {
			return err
		}
		defer stop()
		proxies[role] = at
	}
	ours, smallest, tunnel := proxies["authsome"], proxies["smallest"], proxies["tunnel"]
	candidates := []candidate{
		{"tunnel", target{tunnel.Address, hostOther, origin.CA, tunnel.PID}},
		{"unmatched", target{ours.Address, hostOther, origin.CA, ours.PID}},
		{"smallest", target{smallest.Address, hostMatched, smallest.CA, smallest.PID}},
		{"matched", target{ours.Address, hostMatched, ours.CA, ours.PID}},
	}
	var lines []measurement
	for _, n := range connections {
		lines = append(lines, measurement{fmt.Sprintf("requests/s, %d connections", n), "", func(t target) (float64, error) {
			return t.requests(n, slice)
		}})
	}
	lines = append(lines,
		measurement{"download, 4 connections", " MB/s", func(t target) (float64, error) { return t.download(4, slice) }},
		measurement{"upload, 4 connections", " MB/s", func(t target) (float64, error) { return t.upload(4, slice) }})
	fmt.Fprintln(out, "| | plain CONNECT tunnel | authsome, unmatched | ratio | CPU "+
		"| smallest net/http MITM | authsome, matched | ratio | CPU |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|")
	for _, m := range lines {
		line, err := measure(m, candidates, rounds)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, line)
	}
	return nil
}

// measure lets the candidates take turns, every other round in reverse order, and returns the line of the table. A
// ratio is the median of the rounds' ratios; so is the ratio of the processor time that the proxies use for the work.
func measure(m measurement, candidates []candidate, rounds int) (string, error) {
	results := make([][]result, len(candidates))
	for round := range rounds {
		for i := range candidates {
			if round%2 == 1 {
				i = len(candidates) - 1 - i
			}
			r, err := candidates[i].turn(m)
			if err != nil {
				return "", fmt.Errorf("%s, %s: %w", candidates[i].name, m.title, err)
			}
			results[i] = append(results[i], r)
		}
	}
	rate := func(r result) float64 { return r.rate }
	cpu := func(r result) float64 { return r.cpu }
	cell := func(i int) string { return fmt.Sprintf("%.0f%s", median(results[i], rate), m.unit) }
	cells := []string{
		m.title,
		cell(0), cell(1), "**" + ratio(results[1], results[0], rate) + "**", ratio(results[1], results[0], cpu),
		cell(2), cell(3), "**" + ratio(results[3], results[2], rate) + "**", ratio(results[3], results[2], cpu),
	}
	return "| " + strings.Join(cells, " | ") + " |", nil
}

func (c candidate) turn(m measurement) (result, error) {
	cpu, started := cpuTime(c.target.pid), time.Now()
	rate, err := m.run(c.target)
	cpu = cpuTime(c.target.pid) - cpu
	if err != nil || rate == 0 {
		return result{}, err
	}
	return result{rate, cpu.Seconds() / (rate * time.Since(started).Seconds())}, nil
}

func ratio(a, b []result, of func(result) float64) string {
	ratios := make([]result, len(a))
	for i := range a {
		if of(b[i]) > 0 { // processor time may be too short to be seen
			ratios[i].rate = of(a[i]) / of(b[i])
		}
	}
	return fmt.Sprintf("%.2f", median(ratios, func(r result) float64 { return r.rate }))
}

func median(results []result, of func(result) float64) float64 {
	values := make([]float64, len(results))
	for i, r := range results {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
