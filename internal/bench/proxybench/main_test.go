package main

import (
	"os"
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

func TestEveryCandidateIsMeasured(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := compare(&out, []int{2}, 1, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 5 {
		t.Fatalf("got %d lines, want a head and 3 measurements:\n%s", len(lines), out.String())
	}
	for _, line := range lines[2:] {
		if strings.Count(line, "|") != 10 || strings.Contains(line, "| 0 ") {
			t.Errorf("a figure is missing: %s", line)
		}
	}
}
