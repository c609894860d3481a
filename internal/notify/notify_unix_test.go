//go:build unix

package notify_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/internal/notify"
)

var died = authsome.Notice{
	Name: authsome.NoticeDied, Ref: authsome.Ref{Profile: "work", Provider: "acme", Connection: "bot"},
	Time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Status: authsome.StatusInvalid,
	LoginNeededBy: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), LoginNeededSource: authsome.LifeFromProvider,
	Reason: "$(touch hurt); invalid_grant\n\x00", Hint: "authsome login acme --force",
}

// The program gets the event twice over, in words it can use as they are, and no variable that may hold a key.
func TestCommandLearnsTheEventAndNoSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := notify.Command{
		Args:    []string{"sh", "-c", `cat > "$1/stdin"; env > "$1/env"`, "sh", dir},
		Environ: append(os.Environ(), "AUTHSOME_MASTER_KEY=k1", "ACME_CLIENT_SECRET=k2", "GITHUB_TOKEN=k3", "LC_ALL=C"),
		Home:    "/home/x/.authsome",
	}
	if err := c.Notify(t.Context(), died); err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := json.Unmarshal(contents(t, dir, "stdin"), &m); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"event": "died", "provider": "acme", "connection": "bot", "profile": "work", "status": "invalid",
		"login_needed_by": "2026-12-01T00:00:00Z", "login_needed_source": "provider", "time": "2026-11-23T12:00:00Z",
		"reason": died.Reason, "hint": died.Hint,
	} {
		if m[name] != want {
			t.Errorf("%s is %q, want %q", name, m[name], want)
		}
	}
	env := string(contents(t, dir, "env"))
	for _, want := range []string{
		"AUTHSOME_EVENT=died", "AUTHSOME_PROVIDER=acme", "AUTHSOME_CONNECTION=bot", "AUTHSOME_PROFILE=work",
		"AUTHSOME_LOGIN_NEEDED_BY=2026-12-01T00:00:00Z", "AUTHSOME_HOME=/home/x/.authsome", "LC_ALL=C", "PATH=",
	} {
		if !strings.Contains(env, want) {
			t.Errorf("%s is missing in %s", want, env)
		}
	}
	for _, forbidden := range []string{"k1", "MASTER_KEY", "SECRET", "GITHUB_TOKEN"} {
		if strings.Contains(env, forbidden) {
			t.Errorf("the program was given %s", forbidden)
		}
	}
}

func contents(t *testing.T, elements ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCommandFailures(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		command notify.Command
		want    string
	}{
		"none":      {notify.Command{}, "no program"},
		"missing":   {notify.Command{Args: []string{"no-such-program-here"}}, "not found"},
		"exit code": {notify.Command{Args: []string{"sh", "-c", "exit 3"}}, "exit status 3"},
		"hanging":   {notify.Command{Args: []string{"sleep", "60"}, Timeout: 50 * time.Millisecond}, "was ended after less than a second"},
		"deaf":      {notify.Command{Args: []string{"true"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.command.Notify(t.Context(), died)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
