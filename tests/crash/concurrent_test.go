package crash_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"authsome/internal/authserver"
	"authsome/tests/internal/acme"
	"authsome/tests/internal/process"
)

// strict is a server that ends the whole login when a refresh token comes twice.
func strict() authserver.Config {
	return authserver.Config{Consent: authserver.ConsentApprove, Rotation: authserver.RotateStrict}
}

// expired returns a home whose only token has just expired, and whose provider issues longer-lived ones from now on.
func expired(t *testing.T) (*process.Home, *acme.Provider) {
	t.Helper()
	const lifetime = time.Second
	h, p := process.NewHome(t), acme.Start(t, strict(), nil)
	p.Register(t, h)
	p.SetAccessTokenLifetime(lifetime)
	p.Login(t, h)
	time.Sleep(lifetime) // processes have no other clock
	p.SetAccessTokenLifetime(time.Hour)
	return h, p
}

// atOnce runs n processes side by side; args is given their numbers.
func atOnce(t *testing.T, h *process.Home, n int, args func(i int) (stdin string, args []string)) []process.Result {
	t.Helper()
	results := make([]process.Result, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			stdin, args := args(i)
			r, err := h.Run(t.Context(), stdin, args...)
			if err != nil || r.Code != 0 {
				t.Errorf("process %d: error %v\n%s", i, err, r)
			}
			results[i] = r
		})
	}
	group.Wait()
	return results
}

func TestFiftyProcessesRefreshAnExpiredTokenOnce(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"token":  {"get", "acme", "--field", "access_token", "--show-secret"},
		"status": {"get", "acme", "--field", "status"},
		"export": {"export", "acme", "--format", "json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p := expired(t)
			results := atOnce(t, h, 50, func(int) (string, []string) { return "", args })
			if calls := p.TokenRequests("refresh_token"); calls != 1 {
				t.Errorf("%d refresh requests, want 1", calls)
			}
			for i, r := range results {
				if r.Stdout != results[0].Stdout || r.Stderr != "" {
					t.Errorf("process %d differs from the first:\n%s\nthe first:\n%s", i, r, results[0])
				}
			}
			if status := h.Must(t, "get", "acme", "--field", "status"); status != "connected" {
				t.Errorf("status %q", status)
			}
			token := h.Must(t, "get", "acme", "--field", "access_token", "--show-secret")
			if !p.AccessTokenValid(token) || name == "token" && token != strings.TrimSpace(results[0].Stdout) {
				t.Error("the token that was handed out is not the one that is stored and good")
			}
		})
	}
}

// Every process stores a key of its own. If two of them had made a master key or a data key, one's could not be read.
func TestRacingFirstRunsMakeOneMasterKey(t *testing.T) {
	t.Parallel()
	const processes = 20
	h := process.NewHome(t)
	key := func(i int) string { return fmt.Sprintf("sk-first-run-of-process-%010d", i) }
	name := func(i int) string { return fmt.Sprintf("c%d", i) }
	atOnce(t, h, processes, func(i int) (string, []string) {
		switch i % 4 {
		case 0:
			return "", []string{"init"}
		case 1:
			return "", []string{"whoami"}
		default:
			return key(i), []string{"login", "openai", "--connection", name(i), "--with-token"}
		}
	})
	for i := range processes {
		if i%4 < 2 {
			continue
		}
		got := h.Must(t, "get", "openai", "--connection", name(i), "--field", "api_key", "--show-secret")
		if got != key(i) {
			t.Errorf("process %d stored %q, read back %q", i, key(i), got)
		}
	}
	found, err := filepath.Glob(filepath.Join(h.Dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		base := filepath.Base(path)
		if base != "master.key" && strings.Contains(base, "key") {
			t.Errorf("a key file was left over: %s", base)
		}
	}
	if info, err := os.Stat(filepath.Join(h.Dir, "master.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("master.key: %v, %v", info, err)
	}
}
