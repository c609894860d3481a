package soak_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"authsome/internal/authserver"
	"authsome/internal/mitm"
	"authsome/tests/internal/acme"
	"authsome/tests/internal/process"
)

const (
	envDuration = "AUTHSOME_SOAK" // how long, as Go writes durations; a minute if empty
	keyPrefix   = "sk-soak-"
	tokenLife   = 5 * time.Second
)

// duration returns how long the soak is to last.
func duration(t *testing.T) time.Duration {
	t.Helper()
	s := os.Getenv(envDuration)
	if s == "" {
		if testing.Short() {
			t.Skip("it takes a minute")
		}
		return time.Minute
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSoak(t *testing.T) {
	whole := duration(t)
	ca, err := mitm.NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	home := process.NewHome(t)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, ca.CertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	home.Env = append(home.Env, "SSL_CERT_FILE="+roots)
	provider := acme.Start(t, authserver.Config{
		Consent: authserver.ConsentApprove, Rotation: authserver.RotateStrict, AccessTokenLifetime: tokenLife,
	}, nil)
	provider.Register(t, home)
	provider.Login(t, home)
	home.Register(t, `{"schema_version": 1, "name": "keyed", "display_name": "Keyed", "auth_type": "api_key", "flow": "api_key",
		"host_url": "api.keyed.test", "export": {"env": {"api_key": "KEYED"}},
		"api_key": {"header_name": "Authorization", "header_prefix": "Bearer", "env_var": "KEYED"}}`)
	home.MustWith(t, keyPrefix+rand.Text(), "login", "keyed", "--with-token")
	b := start(t, home,
		serve(t, ca, "api.acme.test", provider.Resource(http.HandlerFunc(origin))),
		serve(t, ca, "api.keyed.test", guarded(origin)),
		serve(t, ca, "other.test", http.HandlerFunc(origin)))
	s := &soak{t: t, b: b, ca: ca, home: home}
	before := s.measure()
	s.traffic(whole)
	s.end(before, provider)
}

// soak is one run under traffic.
type soak struct {
	t    *testing.T
	b    *broker
	ca   *mitm.CA
	home *process.Home

	clients []*client
	samples []usage
}

// usage is what a process has at a moment.
type usage struct {
	rss         int64 // bytes
	descriptors int
}

func (s *soak) measure() usage {
	s.t.Helper()
	dir := fmt.Sprintf("/proc/%d/", s.b.cmd.Process.Pid)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		s.t.Fatal(err)
	}
	entries, err := os.ReadDir(dir + "fd")
	if err != nil {
		s.t.Fatal(err)
	}
	u := usage{descriptors: len(entries)}
	if m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status); m != nil {
		kib, _ := strconv.ParseInt(string(m[1]), 10, 64)
		u.rss = kib << 10
	}
	return u
}

// traffic keeps all clients busy for a while.
func (s *soak) traffic(whole time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), whole)
	defer cancel()
	var wg sync.WaitGroup
	for _, host := range []string{"api.acme.test", "api.keyed.test", "other.test"} {
		for _, kind := range []string{"one", "two", "each"} { // HTTP/1.1, HTTP/2, and a new connection for each request
			for n := range 2 {
				rt := s.b.transport(s.t, s.ca.Certificate(), kind == "two")
				rt.DisableKeepAlives = kind == "each"
				c := &client{name: fmt.Sprintf("%s-%s-%d", host, kind, n), host: host, rt: rt, comes: host == "api.keyed.test", next: 3 * n}
				s.clients = append(s.clients, c)
				wg.Go(func() {
					defer rt.CloseIdleConnections()
					for ctx.Err() == nil {
						if err := c.step(ctx); err != nil {
							s.t.Error(err)
							cancel()
						}
					}
				})
			}
		}
	}
	wg.Go(func() { s.comeAndGo(ctx) })
	for ctx.Err() == nil {
		s.samples = append(s.samples, s.measure())
		sleep(ctx, whole/200)
	}
	wg.Wait()
}

// comeAndGo logs out and in again, in processes of their own.
func (s *soak) comeAndGo(ctx context.Context) {
	for {
		if sleep(ctx, 2*time.Second); ctx.Err() != nil {
			return
		}
		s.home.Must(s.t, "logout", "keyed")
		sleep(ctx, 700*time.Millisecond)
		s.home.MustWith(s.t, keyPrefix+rand.Text(), "login", "keyed", "--with-token")
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// end looks at what is left when the traffic has ended.
func (s *soak) end(before usage, provider *acme.Provider) {
	done, refused := 0, 0
	for _, c := range s.clients {
		done += c.done
		refused += c.refused
		if c.done == 0 {
			s.t.Errorf("%s got no right answer", c.name)
		}
	}
	refreshes := provider.TokenRequests("refresh_token")
	first, last := quarter(s.samples, 1), quarter(s.samples, 3)
	s.t.Logf("%d right answers, %d refused or cut off while logged out, %d refreshes", done, refused, refreshes)
	s.t.Logf("memory %d MB in the second quarter, %d MB in the last; descriptors %d before, %d, %d",
		first.rss>>20, last.rss>>20, before.descriptors, first.descriptors, last.descriptors)
	if refreshes < 2 || refused == 0 {
		s.t.Error("no token expired, or no connection went: this has tested nothing")
	}
	if last.rss > first.rss+first.rss/4+8<<20 {
		s.t.Errorf("memory has grown from %d to %d bytes", first.rss, last.rss)
	}
	s.quiet(before)
}

// quarter returns the mean of a quarter of the samples, counted from 0.
func quarter(samples []usage, n int) (mean usage) {
	part := samples[n*len(samples)/4 : (n+1)*len(samples)/4]
	for _, u := range part {
		mean.rss += u.rss / int64(len(part))
		mean.descriptors += u.descriptors
	}
	mean.descriptors /= max(1, len(part))
	return mean
}

// idle bounds what is kept for later: connections to upstreams, of which each client has had one at a time.
const idle = 64

// quiet waits until only what is kept is left, and then has the process tell of its goroutines.
func (s *soak) quiet(before usage) {
	deadline := time.Now().Add(30 * time.Second)
	after := s.measure()
	for ; after.descriptors > before.descriptors+idle && time.Now().Before(deadline); after = s.measure() {
		time.Sleep(100 * time.Millisecond)
	}
	if after.descriptors > before.descriptors+idle {
		s.t.Errorf("%d descriptors are open, %d were before", after.descriptors, before.descriptors)
	}
	time.Sleep(2 * time.Second) // lingering ends
	_ = s.b.cmd.Process.Signal(syscall.SIGABRT)
	_ = s.b.cmd.Wait()
	dump := s.b.stderr.String()
	goroutines := strings.Split(dump, "\n\n")
	busy := 0
	for _, g := range goroutines {
		if strings.HasPrefix(g, "goroutine ") && strings.Contains(g, "internal/proxy.(*exchange)") {
			busy++
			s.t.Errorf("a request is being served: %s", g)
		}
	}
	n := strings.Count(dump, "\ngoroutine ")
	s.t.Logf("%d descriptors and %d goroutines are left", after.descriptors, n)
	if n == 0 || n > 30+3*idle {
		s.t.Errorf("%d goroutines are left", n)
	}
}
