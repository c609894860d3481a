//go:build unix

package agent

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestProgramAsks(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]struct {
		script string
		want   bool
	}{
		"agrees silently":         {"exit 0", true},
		"says yes":                {"echo YES", true},
		"says no":                 {"echo no", false},
		"gives a passphrase":      {"echo secret", false},
		"refuses":                 {"exit 1", false},
		"refuses although yes":    {"echo yes; exit 1", false},
		"is told what to ask":     {`case "$1" in "Allow the use of the authsome vault in /home/me by "*) ;; *) exit 1; esac`, true},
		"is told that it asks":    {`test "$SSH_ASKPASS_PROMPT" = confirm`, true},
		"has only what was given": {`test -z "$HOME"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Program(program(t, step.script), "/home/me", []string{"PATH=" + os.Getenv("PATH")})(t.Context(), Caller{PID: 1}); got != step.want {
				t.Errorf("agreed: %v", got)
			}
		})
	}
	if Program(filepath.Join(t.TempDir(), "missing"), "/", nil)(t.Context(), Caller{}) {
		t.Error("a program that is missing agrees")
	}
}

func TestTheQuestionOfAProgramIsTakenBack(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if Program(program(t, "exec sleep 100"), "/", os.Environ())(ctx, Caller{}) {
		t.Error("a program that was ended agrees")
	}
}

// What a program leaves running may keep its output open. Neither its word nor the next question waits for that.
func TestAProgramThatLeavesSomethingRunningIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]bool{"sleep 20 & echo yes": true, "sleep 20 &": false} {
		ended := make(chan bool)
		ask := Program(program(t, script), "/", os.Environ())
		go func() { ended <- ask(t.Context(), Caller{}) }()
		select {
		case yes := <-ended:
			if yes != want {
				t.Errorf("%s: agreed: %t", script, yes)
			}
		case <-time.After(15 * time.Second):
			t.Error("the question does not end")
		}
	}
}

func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "askpass")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
