// Command startbench measures what a script feels: how long a cold "authsome get" takes beside a Go program that does
// nothing, and how much memory it and an idle "authsome run" need. It prints Markdown.
//
//	startbench -authsome bin/authsome
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What this program does when it is started by itself: as the child of "authsome run" it prints its parent's memory;
// with a command behind, that command's peak.
const (
	roleChild = "resident-memory-of-parent"
	rolePeak  = "peak-memory-of"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == rolePeak {
		printPeak(os.Args[2:])
		return
	}
	program := flag.String("authsome", "bin/authsome", "the program to measure")
	rounds := flag.Int("rounds", 400, "how often the programs take turns")
	flag.Parse()
	if flag.Arg(0) == roleChild {
		printParentMemory()
		return
	}
	if err := measure(os.Stdout, *program, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func measure(w io.Writer, program string, rounds int) error {
	dir, err := os.MkdirTemp("", "startbench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing depends on it
	s, err := prepare(dir, program)
	if err != nil {
		return err
	}
	times, err := s.takeTurns(rounds)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "| a fresh process | median | 10th percentile | ratio of medians | peak memory |\n|---|---|---|---|---|\n")
	base := median(times[0])
	for i, c := range s.contenders {
		peak, err := s.peak(c)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "| %s | %.2f ms | %.2f ms | %.2f | %.1f MB |\n", c.name, ms(median(times[i])),
			ms(times[i][len(times[i])/10]), float64(median(times[i]))/float64(base), peak)
	}
	idle, err := s.idle()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\nIdle `authsome run`, resident: %.1f MB.\n", idle)
	return nil
}

// stage is a home with a connection, and copies of the programs: a file that the linker has just written is mapped in
// smaller pieces than one that was copied, as an installed program is.
type stage struct {
	home       string
	authsome   string
	contenders []contender
}

type contender struct {
	name string
	args []string
}

func prepare(dir, program string) (*stage, error) {
	s := &stage{home: filepath.Join(dir, "home"), authsome: filepath.Join(dir, "authsome")}
	nothing := filepath.Join(dir, "nothing")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", nothing+".built", "authsome/internal/bench/nothing")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the program that does nothing: %w\n%s", err, out)
	}
	if err := errors.Join(install(nothing+".built", nothing), install(program, s.authsome)); err != nil {
		return nil, err
	}
	login := s.command(s.authsome, "login", "openai", "--with-token", "--force")
	login.Stdin = strings.NewReader("sk-" + strings.Repeat("benchmark0", 5))
	if out, err := login.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("log in: %w\n%s", err, out)
	}
	s.contenders = []contender{
		{"a Go program that does nothing", []string{nothing}},
		{"`authsome version`", []string{s.authsome, "version"}},
		{"`authsome list`, all bundled providers", []string{s.authsome, "list"}},
		{"`authsome get P --field status`", []string{s.authsome, "get", "openai", "--field", "status"}},
		{"`authsome get P --field access_token --show-secret`", []string{s.authsome, "get", "openai", "--field", "access_token", "--show-secret"}},
	}
	return s, nil
}

func install(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o700)
}

func (s *stage) command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "AUTHSOME_HOME="+s.home)
	return cmd
}

// takeTurns runs every contender once a round, so that the machine's moods meet all of them. It returns sorted times.
func (s *stage) takeTurns(rounds int) ([][]time.Duration, error) {
	times := make([][]time.Duration, len(s.contenders))
	for round := range rounds + 10 {
		for i, c := range s.contenders {
			cmd := s.command(c.args...)
			begin := time.Now()
			if err := cmd.Run(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if took := time.Since(begin); round >= 10 { // the first rounds warm up
				times[i] = append(times[i], took)
			}
		}
	}
	for _, t := range times {
		slices.Sort(t)
	}
	return times, nil
}

// peak returns the largest resident memory of one run, in megabytes. A fresh copy of this program starts it: a process
// counts what the one that forked it had in memory.
func (s *stage) peak(c contender) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	out, err := s.command(append([]string{self, rolePeak}, c.args...)...).Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	kilobytes, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	return kilobytes / 1024, err
}

func printPeak(args []string) {
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
	fmt.Println(peakKilobytes(cmd.ProcessState))
}

// idle returns the resident memory of "authsome run" while its child does nothing, in megabytes.
func (s *stage) idle() (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	cmd := s.command(s.authsome, "run", "--", self, roleChild)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("run: %w", err)
	}
	kilobytes, err := strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
	return kilobytes / 1024, err
}

func printParentMemory() {
	time.Sleep(2 * time.Second) // what was needed to start has been given back
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", os.Getppid()))
	if err != nil {
		fmt.Println(0) // no such thing on this system
		return
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			fmt.Println(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		}
	}
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
