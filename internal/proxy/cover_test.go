package proxy

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"authsome"
	"authsome/internal/policy"
)

// accounts is a world with two connections at one host, of which requests for /work/ get the one and all others the other. The
// API keeps what it was sent, and shows all of it to everybody.
type accounts struct {
	*world
	mu     sync.Mutex
	stored []string
	values map[authsome.ConnectionName]string
	asked  map[authsome.ConnectionName]int
}

var (
	workRef = authsome.Ref{Provider: "example", Connection: "work"}
	homeRef = authsome.Ref{Provider: "example", Connection: "home"}
)

func newAccounts(t *testing.T) *accounts {
	t.Helper()
	a := &accounts{
		world:  newWorld(t),
		values: map[authsome.ConnectionName]string{"work": "work-token-1", "home": "home-token-1"},
		asked:  make(map[authsome.ConnectionName]int),
	}
	a.cfg.Routes = a.routes()
	a.cfg.Source = a
	a.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.stored = append(a.stored, r.Header.Get("Authorization"))
		rw.Header().Set("X-All", strings.Join(a.stored, ";"))
		_, _ = io.WriteString(rw, strings.Join(a.stored, "\n"))
	}))
	return a
}

func (a *accounts) routes() []Route {
	only, err := policy.ParseTarget(apiHost + "/work/**")
	if err != nil {
		a.t.Fatal(err)
	}
	hosts := patterns(a.t, apiHost)
	return []Route{{Ref: workRef, Hosts: hosts, Only: []policy.Target{only}}, {Ref: homeRef, Hosts: hosts}}
}

// Credential implements [authsome.CredentialSource].
func (a *accounts) Credential(_ context.Context, ref authsome.Ref, o authsome.CredentialOptions) (*authsome.Credential, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked[ref.Connection]++
	value := a.values[ref.Connection]
	if value == "" || o.Rejected != 0 {
		return nil, &authsome.Error{Kind: authsome.KindConnectionNotFound, Message: "none"}
	}
	return credential(a.t, ref, value, uint64(len(value)), apiHost), nil
}

func (a *accounts) set(name authsome.ConnectionName, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.values[name] = value
}

// ask sends a request and returns all that came back.
func (a *accounts) ask(http2 bool, path string) string {
	resp, body := do(a.t, a.transport(http2), request(a.t, "GET", "https://"+apiHost+path, nil))
	if resp.StatusCode != http.StatusOK {
		a.t.Fatalf("%s: %d %s", path, resp.StatusCode, body)
	}
	return resp.Header.Get("X-All") + "\n" + body
}

// Attack 21, by way of another account: what one has left at an API does not come back with the other, nor with none.
func TestCredentialOfAnotherConnectionIsCovered(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		a := newAccounts(t)
		a.cfg.Routes[1].Excluded = patterns(t, apiHost+"/public/*")
		a.start()
		a.ask(http2, "/work/x")
		for _, path := range []string{"/x", "/public/x", "/work/x"} {
			if got := a.ask(http2, path); strings.Contains(got, "token-1") || !strings.Contains(got, "Bearer ") {
				t.Errorf("%s answered %q", path, got)
			}
		}
		if a.covered() < 3 {
			t.Errorf("%d events", a.covered())
		}
	})
}

// A token that was replaced lives on for a while, wherever it is read from.
func TestFormerCredentialOfAnotherConnectionIsCovered(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	changed := make(chan struct{})
	a.cfg.Changed = changed
	a.start()
	a.ask(false, "/work/x")
	a.set("work", "work-token-1-next")
	changed <- struct{}{}
	changed <- struct{}{} // the first has been looked at
	a.ask(false, "/work/x")
	if got := a.ask(false, "/x"); strings.Contains(got, "token-1") {
		t.Errorf("got %q", got)
	}
}

// What an earlier run has left at the API does not come back either.
func TestCredentialThatWasNotUsedYetIsCovered(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	a.stored = []string{"work-token-1"}
	a.start()
	if got := a.ask(false, "/x"); strings.Contains(got, "token-1") {
		t.Errorf("got %q", got)
	}
	a.ask(false, "/x")
	a.ask(false, "/work/x")
	if a.asked["work"] > 1 || a.asked["home"] > 1 {
		t.Errorf("asked %v", a.asked)
	}
}

// A connection that has nothing stored now is asked again for the request that wants it.
func TestConnectionWithoutAStoredCredentialIsAskedWhenItIsWanted(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	a.set("work", "")
	a.start()
	a.ask(false, "/x")
	a.set("work", "work-token-1")
	a.ask(false, "/work/x")
	if got := a.ask(false, "/x"); strings.Contains(got, "token-1") {
		t.Errorf("got %q", got)
	}
}

// To let the credential of one connection come back lets back no other's.
func TestGuardOfOneConnectionIsNotThatOfAnother(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	a.cfg.Routes[1].Guard.Off = true
	a.start()
	a.ask(false, "/work/x")
	if got := a.ask(false, "/x"); strings.Contains(got, "work-token-1") || !strings.Contains(got, "home-token-1") {
		t.Errorf("got %q", got)
	}
}

// What has gone to a host can come back from it, also when nothing goes there any more.
func TestWhatHasGoneToAHostIsCoveredThereForEver(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	a.start()
	a.ask(false, "/work/x")
	a.proxy.Extend([]Route{{Ref: homeRef, Hosts: patterns(t, "elsewhere.test")}}, nil, nil)
	if got := a.ask(false, "/x"); strings.Contains(got, "work-token-1") {
		t.Errorf("got %q", got)
	}
	if resp, _ := do(t, a.transport(false), request(t, "GET", "http://"+apiHost+"/", nil)); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a request in clear text: %d", resp.StatusCode)
	}
}

// A person may turn the covering off and on while a run goes on. What is open when it is turned on ends.
func TestGuardMayChange(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		a := newAccounts(t)
		a.start()
		set := func(off bool) {
			routes := a.routes()
			routes[0].Guard.Off, routes[1].Guard.Off = off, off
			a.proxy.Extend(routes, nil, nil)
		}
		if got := a.ask(http2, "/x"); strings.Contains(got, "token-1") {
			t.Errorf("got %q", got)
		}
		set(true)
		if got := a.ask(http2, "/x"); !strings.Contains(got, "home-token-1") {
			t.Errorf("got %q", got)
		}
		set(false)
		if got := a.ask(http2, "/x"); strings.Contains(got, "token-1") {
			t.Errorf("got %q", got)
		}
	})
}

func TestStreamEndsWhenItIsToBeLookedThrough(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			rw.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		w.cfg.Routes[0].Guard.Off = true
		w.start()
		resp, err := w.transport(http2).RoundTrip(request(t, "GET", "https://"+apiHost+"/", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		routes := []Route{w.cfg.Routes[0]}
		routes[0].Guard.Off = false
		w.proxy.Extend(routes, nil, nil)
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("the stream has ended as if it were whole")
		}
	})
}
