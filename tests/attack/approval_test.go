package attack_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authsome/tests/internal/process"
)

// 41: an agent agrees to its own request: to the file that bounds its run, to the use of the vault where that is confirmed, or
// by putting an agent of its own in place of the user's; or it asks until the person gives in.
func selfApproval(t *testing.T) {
	t.Run("run", func(t *testing.T) {
		w := newWorld(t, setup{})
		project := t.TempDir()
		rules := filepath.Join(project, ".authsome", "run.jsonc")
		if err := os.Mkdir(filepath.Dir(rules), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(rules, []byte(`{"allow": ["*"]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		r := w.run(t)
		program := w.home.Command(t.Context()).Path
		for _, args := range [][]string{
			{"trust", rules}, {"untrust", rules}, {"unlock"}, {"unlock", "--confirm=false"}, {"agent"}, {"agent", "--background"},
		} {
			d := r.order(t, []string{"AUTHSOME_ASKPASS=/bin/true"}, append([]string{program}, args...)...)
			if d.Code != 10 || !strings.Contains(d.Output, "do not work around this") {
				t.Errorf("authsome %s in a run: %s", strings.Join(args, " "), d)
			}
		}
		if list := w.home.Must(t, "trust", "--list", "--json"); strings.Contains(list, rules) {
			t.Errorf("the file is trusted: %s", list)
		}
	})
	t.Run("confirmation", func(t *testing.T) {
		h, dir := confirmedHome(t)
		// The person says no, whatever the one who asks has in its environment, and is not asked without end.
		asker := *h
		asker.Env = append(asker.Env, "AUTHSOME_ASKPASS=/bin/true", "SSH_ASKPASS=/bin/true", "SSH_ASKPASS_PROMPT=none")
		const floods = 12
		results := make(chan process.Result, floods)
		for range floods {
			go func() {
				r, _ := asker.Run(t.Context(), "yes\n", "get", "openai", "--field", "api_key", "--show-secret")
				results <- r
			}()
		}
		for range floods {
			if r := <-results; r.Code != 10 || strings.Contains(r.Stdout, "sk-") || !strings.Contains(r.Stderr, "do not work around this") {
				t.Errorf("a use that nobody has agreed to: %s", r)
			}
		}
		asked, _ := os.ReadFile(filepath.Join(dir, "asked"))
		if n := strings.Count(string(asked), "\n"); n < 1 || n > 3 {
			t.Errorf("the person was asked %d times about %d uses", n, floods)
		}
		// A second agent, which would ask nobody, finds the first.
		if r := asker.Try(t, "agent"); r.Code != 2 {
			t.Errorf("a second agent: %s", r)
		}
		if status := h.Must(t, "agent", "status", "--json"); !strings.Contains(status, `"confirm": true`) {
			t.Errorf("the agent does not ask any more: %s", status)
		}
	})
}

// confirmedHome is a home whose vault is unlocked, each use being confirmed by a program that writes the question into a
// directory and says no.
func confirmedHome(t *testing.T) (h *process.Home, dir string) {
	t.Helper()
	h, dir = process.NewHome(t), t.TempDir()
	h.MustWith(t, "sk-approved-0123456789abcdefghijklmnopqrstuvwxyz", "login", "openai", "--with-token")
	const passphrase = "a passphrase of several words"
	h.MustWith(t, passphrase+"\n", "key", "use", "passphrase", "--passphrase-stdin")
	program, file := filepath.Join(dir, "ask"), filepath.Join(dir, "passphrase")
	script := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$1\" >>%[1]s/asked\nexit 1\n", dir)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	person := *h
	person.Env = append(person.Env, "AUTHSOME_ASKPASS="+program, "AUTHSOME_PASSPHRASE_FILE="+file)
	person.Must(t, "unlock", "--confirm")
	t.Cleanup(func() { endAgent(t, h) })
	return h, dir
}

// endAgent ends the agent of a home and waits until it has gone.
func endAgent(t *testing.T, h *process.Home) {
	t.Helper()
	_ = h.Command(context.Background(), "lock").Run() // t.Context() has ended
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Lstat(filepath.Join(h.Dir, "run", "agent.sock")); err != nil {
			return
		}
	}
	t.Error("the agent is there after it was locked")
}
