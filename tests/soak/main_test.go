// Package soak_test keeps one run of the program under mixed traffic for a while: credentials expire and are revoked,
// servers fail. Every response is compared with what was asked for, and in the end nothing may be left behind.
package soak_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"authsome/tests/internal/process"
)

// asChild, as the first argument, makes this binary the child of authsome run. The environment would not do: a run
// changes that of its child.
const asChild = "as-child"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asChild {
		if json.NewEncoder(os.Stdout).Encode(os.Environ()) != nil {
			os.Exit(1)
		}
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(process.Main(m))
}

// broker is an authsome run whose child only tells its environment.
type broker struct {
	cmd    *exec.Cmd
	env    map[string]string
	stderr strings.Builder
	stdin  io.Closer
}

func start(t *testing.T, h *process.Home, flags ...string) *broker {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(append([]string{"run"}, flags...), "--", self, asChild)
	b := &broker{cmd: h.Command(t.Context(), args...), env: make(map[string]string)}
	b.cmd.Stderr = &b.stderr
	if b.stdin, err = b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.cmd.Process.Kill() // or it has ended
		_ = b.cmd.Wait()
	})
	var entries []string
	if err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&entries); err != nil {
		t.Fatal(fmt.Errorf("authsome run: %w", err))
	}
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		b.env[name] = value
	}
	return b
}
