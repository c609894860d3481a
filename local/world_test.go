package local_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/internal/keysource"
	"authsome/local"
	"authsome/vault/storetest"
)

const (
	clientID     = "client-1"
	clientSecret = "client-secret-1"
	redirectURI  = "http://127.0.0.1:9/callback"
)

var acme = authsome.Ref{Profile: "default", Provider: "acme", Connection: "default"}

// world is an authorization server, a vault, and any number of processes that use both at one time.
type world struct {
	t      *testing.T
	server *authserver.Server
	url    string
	store  *storetest.Memory
	home   string

	mu     sync.Mutex // guards the rest
	now    time.Time
	events []authsome.Event
	onCall func() // runs before the server sees a token request
}

func newWorld(t *testing.T, change func(*authserver.Config)) *world {
	t.Helper()
	w := newUnservedWorld(t, change)
	srv := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(srv.Close)
	t.Cleanup(w.server.Release)
	w.url = srv.URL
	return w
}

// newUnservedWorld makes a world whose authorization server listens nowhere.
func newUnservedWorld(t *testing.T, change func(*authserver.Config)) *world {
	t.Helper()
	w := &world{
		t: t, store: storetest.NewMemory(), home: t.TempDir(), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
	cfg := authserver.Config{
		Clients: []authserver.Client{{
			ID: clientID, Secret: clientSecret, RedirectURIs: []string{"http://127.0.0.1/callback"},
		}},
		Consent: authserver.ConsentApprove, Now: w.clock,
	}
	if change != nil {
		change(&cfg)
	}
	w.server = authserver.New(cfg)
	return w
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	hook := w.onCall
	w.mu.Unlock()
	if hook != nil && r.URL.Path == "/token" {
		hook()
	}
	w.server.ServeHTTP(rw, r)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) beforeTokenCalls(hook func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onCall = hook
}

// Record makes a world an authsome.Recorder.
func (w *world) Record(e authsome.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	return nil
}

// reasons returns what the refresh events say, "" for a success.
func (w *world) reasons() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, e := range w.events {
		if e.Name == authsome.EventRefresh {
			all = append(all, e.Reason)
		}
	}
	return all
}

// process opens the vault once more, as another process would.
func (w *world) process(change ...func(*local.Config)) *local.Layer {
	w.t.Helper()
	l := w.unclosed(change...)
	w.t.Cleanup(func() {
		if err := l.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return l
}

// unclosed is process for a test that closes the layer itself.
func (w *world) unclosed(change ...func(*local.Config)) *local.Layer {
	w.t.Helper()
	keys, err := keysource.Environment(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := local.Config{
		Home: w.home, Keys: keys, Store: w.store, Recorder: w, Now: w.clock, Timeout: 2 * time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	l, err := local.Open(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func (w *world) definition() string {
	return fmt.Sprintf(`{
		"schema_version": 1, "name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "pkce",
		"host_url": "api.acme.test",
		"oauth": {
			"authorization_url": "%[1]s/authorize", "token_url": "%[1]s/token", "revocation_url": "%[1]s/revoke",
			"scopes": ["read", "write"], "pkce": "required", "client_auth": "post"
		}
	}`, w.url)
}

// login registers the definition and logs in the way a person does, the browser being an HTTP client.
func (w *world) login(l *local.Layer) *authsome.Connection {
	w.t.Helper()
	return w.loginAt(l, w.definition())
}

// loginAt does the same with another definition.
func (w *world) loginAt(l *local.Layer, definition string) *authsome.Connection {
	w.t.Helper()
	if _, err := l.Register(w.t.Context(), []byte(definition), true); err != nil {
		w.t.Fatal(err)
	}
	c, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Force: true, Fields: fields(clientID, clientSecret)})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func fields(id, secret string) map[authsome.FieldName]authsome.Secret {
	return map[authsome.FieldName]authsome.Secret{
		authsome.FieldClientID: authsome.NewSecret(id), authsome.FieldClientSecret: authsome.NewSecret(secret),
	}
}

func (w *world) tryLogin(l *local.Layer, req authsome.LoginRequest) (*authsome.Connection, error) {
	req.RedirectURI = redirectURI
	step, err := l.Authorize(w.t.Context(), req)
	if err != nil || step.Connection != nil {
		if step != nil {
			return step.Connection, err
		}
		return nil, err
	}
	if step.URL == "" {
		w.t.Fatalf("the login wants something else than a visit: %+v", step)
	}
	return l.Complete(w.t.Context(), step.ID, w.visit(step.URL))
}

// visit follows the authorization request to where the server redirects to.
func (w *world) visit(target string) string {
	w.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(target)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	location := resp.Header.Get("Location")
	if location == "" {
		w.t.Fatalf("the authorization server answered %s: %s", resp.Status, body)
	}
	return location
}

func (w *world) token(l authsome.CredentialSource, opts ...authsome.CredentialOptions) (*authsome.Credential, error) {
	w.t.Helper()
	var o authsome.CredentialOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	return l.Credential(context.WithoutCancel(w.t.Context()), acme, o)
}

func (w *world) mustToken(l authsome.CredentialSource, opts ...authsome.CredentialOptions) *authsome.Credential {
	w.t.Helper()
	c, err := w.token(l, opts...)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) status(l *local.Layer) authsome.Status {
	w.t.Helper()
	all, err := l.List(w.t.Context(), "default")
	if err != nil || len(all) != 1 {
		w.t.Fatalf("got %d connections, error %v", len(all), err)
	}
	return all[0].Status
}

func (w *world) refreshCalls() int { return w.server.TokenRequests("refresh_token") }
