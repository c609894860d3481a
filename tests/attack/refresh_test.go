package attack_test

import (
	"net/http"
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

// show are the arguments that print the token of the provider.
var show = []string{"get", "acme", "--field", "access_token", "--show-secret"}

// 36: many refresh at once, and one is killed in the middle. Each of it ends a login whose refresh tokens rotate, if it goes
// wrong.
func refreshRace(t *testing.T) {
	t.Run("race", func(t *testing.T) {
		const lifetime, processes = time.Second, 16
		h := process.NewHome(t)
		p := acme.Start(t, authserver.Config{
			Consent: authserver.ConsentApprove, Rotation: authserver.RotateStrict, KillOldAccessToken: true, AccessTokenLifetime: lifetime,
		}, nil)
		p.Register(t, h)
		p.Login(t, h)
		time.Sleep(lifetime) // processes have no other clock
		p.SetAccessTokenLifetime(time.Hour)
		p.Inject(authserver.Delay(200 * time.Millisecond))
		results := make([]process.Result, processes)
		var group sync.WaitGroup
		for i := range results {
			group.Go(func() { results[i], _ = h.Run(t.Context(), "", show...) })
		}
		group.Wait()
		for _, r := range results {
			if r.Code != 0 || !p.AccessTokenValid(strings.TrimSpace(r.Stdout)) {
				t.Errorf("a token that is none: %s", r)
			}
		}
		if n := p.TokenRequests("refresh_token"); n != 1 {
			t.Errorf("the refresh token was sent %d times", n)
		}
	})
	t.Run("crash", func(t *testing.T) {
		h := process.NewHome(t)
		p := acme.Start(t, authserver.Config{
			Consent: authserver.ConsentApprove, Rotation: authserver.RotateGrace, Grace: time.Hour, KillOldAccessToken: true,
		}, nil)
		p.Register(t, h)
		p.Login(t, h)
		sent := p.TokenRequests()
		p.Inject(authserver.HangAfter())
		cmd := h.Command(t.Context(), "get", "acme", "--refresh")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := p.AwaitTokenRequests(t.Context(), sent+1); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Process.Kill() // the server has rotated, and nobody has got the answer
		_ = cmd.Wait()
		if r := h.Try(t, show...); r.Code != 0 || !p.AccessTokenValid(strings.TrimSpace(r.Stdout)) {
			t.Errorf("after a crash: %s", r)
		}
		if status := h.Must(t, "get", "acme", "--field", "status"); status != "connected" {
			t.Errorf("after a crash the status is %s", status)
		}
	})
}

// 37: two processes refresh because the lock is of no use, as on some network file systems or after somebody has tidied up.
// The one that comes second is refused. That is no death: the other one has stored what is good.
func raceTakenForDeath(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	var once sync.Once
	h := process.NewHome(t)
	p := acme.Start(t, authserver.Config{Consent: authserver.ConsentApprove, Rotation: authserver.RotateStrict}, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == authserver.PathToken && r.PostFormValue("grant_type") == "refresh_token" {
				first := false
				once.Do(func() { first = true })
				if first {
					close(arrived)
					<-release
					answerJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
					return
				}
			}
			server.ServeHTTP(w, r)
		})
	})
	t.Cleanup(letGo)
	p.Register(t, h)
	p.Login(t, h)
	got := make(chan process.Result, 1)
	go func() {
		r, _ := h.Run(t.Context(), "", append([]string{"get", "--refresh"}, show[1:]...)...)
		got <- r
	}()
	<-arrived
	if err := os.RemoveAll(filepath.Join(h.Dir, "run", "locks")); err != nil {
		t.Fatal(err)
	}
	h.Must(t, "get", "acme", "--refresh")
	letGo()
	r := <-got
	fresh := h.Must(t, show...)
	if r.Code != 0 || strings.TrimSpace(r.Stdout) != fresh || strings.Contains(r.Stderr, "invalid_grant") || !p.AccessTokenValid(fresh) {
		t.Errorf("who lost the race is not given what is there by now: %s", r)
	}
	if status := h.Must(t, "get", "acme", "--field", "status"); status != "connected" {
		t.Errorf("the connection is %s", status)
	}
}
