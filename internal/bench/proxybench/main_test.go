package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary play the roles of the child processes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-role" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestEveryRowIsMeasured(t *testing.T) {
	t.Parallel()
	o := options{
		rounds: 1, slice: 200 * time.Millisecond, connections: []int{2}, bulk: 1 << 20, hosts: 20, tunnels: 20,
		rows: regexp.MustCompile("^(keep-alive, 2 connections|.*new conn.*|.*resumed|download.*|upload.*|delay.*|first.*|idle.*)$"),
	}
	var out strings.Builder
	if err := compare(&out, o); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "|  |") {
			continue
		}
		lines++
		if strings.Contains(line, " 0/s") || strings.Contains(line, " 0 MB/s") || strings.Contains(line, "**0.00**") {
			t.Errorf("a figure is missing: %s", line)
		}
	}
	if lines != 13 {
		t.Errorf("got %d lines, want 13:\n%s", lines, out.String())
	}
}
