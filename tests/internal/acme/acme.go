// Package acme is a provider: our authorization server on loopback, which can be told to misbehave, and the definition
// that leads to it.
package acme

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"authsome/internal/authserver"
	"authsome/tests/internal/process"
)

// The one client that is registered at the provider.
const (
	ClientID     = "client-1"
	ClientSecret = "client-secret-1"
)

// Provider is a running provider.
type Provider struct {
	*authserver.Server
	URL string
}

// Start starts a provider that ends with the test. wrap, if not nil, sees every request first. The clients of cfg are
// replaced.
func Start(t testing.TB, cfg authserver.Config, wrap func(http.Handler) http.Handler) *Provider {
	t.Helper()
	cfg.Clients = []authserver.Client{{
		ID: ClientID, Secret: ClientSecret, RedirectURIs: []string{"http://127.0.0.1/callback"},
	}}
	s := authserver.New(cfg)
	handler := http.Handler(s)
	if wrap != nil {
		handler = wrap(s)
	}
	listener := httptest.NewServer(handler)
	t.Cleanup(listener.Close)
	t.Cleanup(s.Release)
	return &Provider{Server: s, URL: listener.URL}
}

// Definition describes the provider, as the program's definition files do.
func (p *Provider) Definition() string {
	return fmt.Sprintf(`{
		"schema_version": 1, "name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "pkce",
		"host_url": "api.acme.test",
		"client": {"client_id_env": "ACME_CLIENT_ID", "client_secret_env": "ACME_CLIENT_SECRET"},
		"oauth": {
			"authorization_url": "%[1]s/authorize", "token_url": "%[1]s/token", "revocation_url": "%[1]s/revoke",
			"scopes": ["read", "write"], "pkce": "required", "client_auth": "post"
		}
	}`, p.URL)
}

// Register makes the provider known in a home, and its client in the environment of the home's processes.
func (p *Provider) Register(t testing.TB, h *process.Home) {
	t.Helper()
	h.Env = append(h.Env, "ACME_CLIENT_ID="+ClientID, "ACME_CLIENT_SECRET="+ClientSecret)
	h.Register(t, p.Definition())
}

// Login logs in where consent is given without asking.
func (p *Provider) Login(t testing.TB, h *process.Home) {
	t.Helper()
	if r := h.Login(t, process.Follow, "acme"); r.Code != 0 {
		t.Fatalf("the login failed\n%s", r)
	}
}
