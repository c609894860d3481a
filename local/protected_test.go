package local_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"authsome"
	"authsome/internal/authserver"
	"authsome/local"
)

// protectedWorld is a world with a resource at /mcp that says by itself who protects it.
type protectedWorld struct {
	*world
	mux      *http.ServeMux
	resource string
	hits     map[string]int // requests by path
}

// newProtectedWorld makes one. change comes last; the server's own resource is known to it.
func newProtectedWorld(t *testing.T, change func(*authserver.Config)) *protectedWorld {
	t.Helper()
	w := &protectedWorld{mux: http.NewServeMux(), hits: make(map[string]int)}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.hits[r.URL.Path]++
		w.mu.Unlock()
		w.mux.ServeHTTP(rw, r)
	}))
	w.resource = "http://" + srv.Listener.Addr().String() + "/mcp"
	w.world = newUnservedWorld(t, func(cfg *authserver.Config) {
		cfg.Registration = true
		cfg.Resources = []string{w.resource}
		if change != nil {
			change(cfg)
		}
	})
	srv.Start()
	t.Cleanup(srv.Close)
	t.Cleanup(w.server.Release)
	w.url = srv.URL
	w.mux.HandleFunc("/", w.serve)
	return w
}

// protect serves the resource with challenge and metadata, as a server does that keeps all rules.
func (w *protectedWorld) protect(scopes ...string) *protectedWorld {
	place := "/.well-known/oauth-protected-resource/mcp"
	w.mux.Handle(place, w.server.ResourceMetadata(w.resource, "read", "write", "admin"))
	w.mux.Handle("/mcp", w.server.ProtectedResource(w.resource, w.url+place, scopes, http.NotFoundHandler()))
	return w
}

// found discovers the resource and returns where its connection will be.
func (w *protectedWorld) found(l *local.Layer) authsome.Ref {
	w.t.Helper()
	p, err := l.Discover(w.t.Context(), w.resource)
	if err != nil {
		w.t.Fatal(err)
	}
	return authsome.Ref{Profile: "default", Provider: p.Name, Connection: "default"}
}

// visitAll takes every step of a login whose person agrees to everything.
func (w *protectedWorld) visitAll(l *local.Layer, req authsome.LoginRequest) (*authsome.Connection, error) {
	w.t.Helper()
	step, err := l.Authorize(w.t.Context(), req)
	if err != nil {
		return nil, err
	}
	if step.Redirect != nil {
		req.RedirectURI = redirectURI
		if step, err = l.Authorize(w.t.Context(), req); err != nil {
			return nil, err
		}
	}
	if step.URL == "" {
		w.t.Fatalf("the login wants something else than a visit: %+v", step)
	}
	return l.Complete(w.t.Context(), step.ID, w.visit(step.URL))
}

func (w *protectedWorld) mustLogin(l *local.Layer, ref authsome.Ref) *authsome.Connection {
	w.t.Helper()
	c, err := w.visitAll(l, authsome.LoginRequest{Ref: ref, Force: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// requests returns what the authorization server got at an endpoint.
func (w *world) requests(endpoint string) []authserver.Request {
	var all []authserver.Request
	for _, r := range w.server.Requests() {
		if r.Endpoint == endpoint {
			all = append(all, r)
		}
	}
	return all
}

func wantFailure(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want one with %q", err, text)
	}
}

// unsigned is a JWT with these claims that nobody has signed.
func unsigned(t *testing.T, claims map[string]any) string {
	t.Helper()
	b, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(b) + "."
}
