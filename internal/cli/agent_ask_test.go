package cli

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"authsome/internal/agent"
)

// At the terminal of an agent only what is typed while the question stands is an answer to it.
func TestQuestionsAtATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		typed, keyboard := io.Pipe()
		var out strings.Builder
		q := &questions{out: &out, home: "/home/me", lines: make(chan string)}
		go q.read(typed)
		ask := func(ctx context.Context, line string) bool {
			answer := make(chan bool, 1)
			go func() { answer <- q.ask(ctx, agent.Caller{PID: 42, Command: "get\x1b[2J"}) }()
			synctest.Wait()
			if line != "" {
				_, _ = io.WriteString(keyboard, line+"\n")
			}
			return <-answer
		}
		for line, want := range map[string]bool{"y": true, " YES ": true, "n": false, "yess": false, " ": false} {
			if got := ask(t.Context(), line); got != want {
				t.Errorf("%q: agreed is %v", line, got)
			}
		}
		_, _ = io.WriteString(keyboard, "y\n") // nobody has asked
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if ask(ctx, "") {
			t.Error("what was typed before the question answers it")
		}
		if text := out.String(); strings.Contains(text, "\x1b") || !strings.Contains(text, "in /home/me by get?[2J (process 42)? [y/N]: ") ||
			!strings.Contains(text, "withdrawn") {
			t.Errorf("the person sees %q", text)
		}
		_ = keyboard.Close()
	})
}
