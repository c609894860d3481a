package oauth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"authsome"
	"authsome/internal/oauth"
)

// An address to manage a client at gets a DELETE with a token that the server chose: behind one that is not its own could be a
// database of this machine.
func TestClientsAreManagedWhereTheyWereRegistered(t *testing.T) {
	t.Parallel()
	var managed string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"client_id": "c", "registration_access_token": "t", "registration_client_uri": %q}`, managed)
	}))
	t.Cleanup(server.Close)
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(other.Close)
	c := &oauth.Client{Provider: authsome.OAuth{RegistrationEndpoint: server.URL + "/register"}}
	for at, kept := range map[string]bool{
		server.URL + "/register/c": true, server.URL + "/else?client=c": true,
		other.URL + "/_all": false, strings.Replace(server.URL, "http://", "http://user@", 1): false,
		strings.Replace(server.URL, "http:", "https:", 1): false, "https://10.0.0.1/": false, "/register/c": false, "": false,
	} {
		managed = at
		reg, err := c.Register(t.Context(), "http://127.0.0.1:1/callback", nil)
		if err != nil {
			t.Fatal(err)
		}
		if (reg.URL == at) != kept && at != "" || kept == reg.AccessToken.IsZero() {
			t.Errorf("%q: it is managed at %q", at, reg.URL)
		}
		if !kept && c.Unregister(t.Context(), reg) == nil {
			t.Errorf("%q: a client was deleted", at)
		}
	}
	if asked {
		t.Error("another server was asked")
	}
}

// A resource names whom it likes. Whoever asks about a login is not made to ask thousands.
func TestAResourceHasFewServersAsked(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var named []string
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/mcp":
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/.well-known/oauth-protected-resource"):
			_ = json.NewEncoder(w).Encode(map[string]any{"resource": server.URL + "/mcp", "authorization_servers": named})
		default:
			asked.Add(1)
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	for n := range 1000 {
		named = append(named, fmt.Sprintf("%s/%d", server.URL, n))
	}
	if found, err := (&oauth.Discoverer{}).Resource(t.Context(), server.URL+"/mcp"); err == nil {
		t.Errorf("found %+v", found)
	}
	if n := asked.Load(); n == 0 || n > 15 {
		t.Errorf("%d requests were sent to the servers that were named", n)
	}
}

// What is shown to a person later does not steer the terminal: scopes and names that would are none.
func TestScopesAndNamesSteerNoTerminal(t *testing.T) {
	t.Parallel()
	const escape, csi = "x\x1b]0;owned\x07", "y\u009b2J"
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := map[string]any{
			"resource": server.URL + "/mcp", "scopes_supported": []string{"read", escape, csi}, "resource_name": csi,
			"issuer": server.URL, "authorization_endpoint": server.URL + "/a", "token_endpoint": server.URL + "/token",
			"code_challenge_methods_supported": []string{"S256"},
		}
		switch r.URL.Path {
		case "/mcp":
			w.WriteHeader(http.StatusUnauthorized)
		case "/token":
			said = map[string]any{"access_token": "t", "scope": "read " + escape + " " + csi}
		case "/array":
			said = map[string]any{"access_token": "t", "scope": []string{"read", escape, csi}, "who": csi}
		}
		_ = json.NewEncoder(w).Encode(said)
	}))
	t.Cleanup(server.Close)
	found, err := (&oauth.Discoverer{}).Resource(t.Context(), server.URL+"/mcp")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"read"}; !slices.Equal(found.Server.Scopes, want) || found.Name != "" {
		t.Errorf("found the scopes %q and the name %q", found.Server.Scopes, found.Name)
	}
	for _, endpoint := range []string{"/token", "/array"} {
		c := &oauth.Client{ClientID: "c", Provider: authsome.OAuth{TokenURL: server.URL + endpoint}}
		token, err := c.Refresh(t.Context(), authsome.NewSecret("r"))
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"read"}; !slices.Equal(token.Scopes, want) || token.Member("who") != "" {
			t.Errorf("%s: granted %q to %q", endpoint, token.Scopes, token.Member("who"))
		}
	}
}

// A secret that ends in milliseconds, or beyond any year that can be written down, would be one that cannot be stored, and the login
// with it.
func TestTheEndOfAClientSecretCanBeWrittenDown(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	var said string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"client_id": "c", "client_secret": "s", "client_secret_expires_at": %s}`, said)
	}))
	t.Cleanup(server.Close)
	c := &oauth.Client{Provider: authsome.OAuth{RegistrationEndpoint: server.URL}, Now: func() time.Time { return now }}
	for in, want := range map[string]string{
		"0": "0001-01-01", "null": "0001-01-01", "-5": "0001-01-01", `"soon"`: "0001-01-01",
		"1800000000": "2027-01-15", "1800000000000": "2027-01-15", `"1800000000"`: "2027-01-15",
		"253402300800": "1978-01-11", "9223372036854775807": "2094-12-14", "1e300": "2094-12-14",
	} {
		said = in
		reg, err := c.Register(t.Context(), "http://127.0.0.1:1/callback", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := reg.SecretExpiresAt.Format(time.DateOnly); got != want {
			t.Errorf("%s: it ends %s, want %s", in, got, want)
		}
		if _, err := json.Marshal(reg.SecretExpiresAt); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}
