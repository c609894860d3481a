// Package mcp_test logs in to a real MCP server by its address, and lets a real MCP client use it through authsome run.
package mcp_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"authsome/internal/authserver"
	"authsome/tests/internal/process"
)

// world is an MCP server built with the official SDK, on https, and the authorization server that it names.
type world struct {
	home     *process.Home
	auth     *authserver.Server
	url      string // of everything
	endpoint string

	mu       sync.Mutex // guards metadata
	metadata oauthex.ProtectedResourceMetadata
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{home: process.NewHome(t)}
	mux := http.NewServeMux()
	srv := httptest.NewTLSServer(mux)
	t.Cleanup(srv.Close)
	w.url, w.endpoint = srv.URL, srv.URL+"/mcp"
	w.auth = authserver.New(authserver.Config{
		Registration: true, Resources: []string{w.endpoint}, Consent: authserver.ConsentApprove,
	})
	t.Cleanup(w.auth.Release)
	w.metadata = oauthex.ProtectedResourceMetadata{
		Resource: w.endpoint, AuthorizationServers: []string{w.url}, ScopesSupported: []string{"greet", "shout"},
	}
	const place = "/.well-known/oauth-protected-resource/mcp"
	mux.HandleFunc(place, func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		metadata := w.metadata
		w.mu.Unlock()
		auth.ProtectedResourceMetadataHandler(&metadata).ServeHTTP(rw, r)
	})
	protect := auth.RequireBearerToken(w.verify, &auth.RequireBearerTokenOptions{
		ResourceMetadataURL: w.url + place, Scopes: []string{"greet"},
	})
	mux.Handle("/mcp", protect(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return greeter() }, nil)))
	mux.Handle("/", w.auth)

	roots := filepath.Join(t.TempDir(), "roots.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(roots, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	w.home.Env = append(w.home.Env, "SSL_CERT_FILE="+roots)
	return w
}

// verify accepts tokens that were issued for this server.
func (w *world) verify(_ context.Context, _ string, r *http.Request) (*auth.TokenInfo, error) {
	access, ok := w.auth.Authenticate(r)
	if !ok || !slices.Contains(access.Resources, w.endpoint) {
		return nil, auth.ErrInvalidToken
	}
	return &auth.TokenInfo{Scopes: access.Scopes, Expiration: access.ExpiresAt, UserID: access.ClientID}, nil
}

func greeter() *mcp.Server {
	type arguments struct {
		Name string `json:"name"`
	}
	s := mcp.NewServer(&mcp.Implementation{Name: "greeter", Version: "1"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "greet", Description: "greets"},
		func(_ context.Context, _ *mcp.CallToolRequest, in arguments) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "hello " + in.Name}}}, nil, nil
		})
	return s
}

// login logs in by the address of the MCP server, with a browser that trusts it.
func (w *world) login(t *testing.T, args ...string) process.Result {
	t.Helper()
	browser := process.Browser()
	browser.Transport = insecure()
	return w.home.Login(t, func(address string) error {
		_, err := process.Get(browser, address)
		return err
	}, append([]string{w.endpoint}, args...)...)
}

// name is what the server is known by.
func (w *world) name() string {
	host, _ := strings.CutPrefix(w.url, "https://")
	return strings.ReplaceAll(host, ":", "-")
}

// greet lets the client call the server through authsome run.
func (w *world) greet(t *testing.T) process.Result {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w.home.Env = append(w.home.Env, envEndpoint+"="+w.endpoint)
	defer func() { w.home.Env = w.home.Env[:len(w.home.Env)-1] }()
	return w.home.Try(t, "run", "--", self)
}

func TestMCPServerByItsAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if r := w.login(t); r.Code != 0 || !strings.Contains(r.Stdout, "connected to "+w.name()) {
		t.Fatalf("the login failed\n%s", r)
	}
	if r := w.greet(t); r.Code != 0 || strings.TrimSpace(r.Stdout) != "hello agent" {
		t.Fatalf("the client got %s", r)
	}
	if got := w.home.Must(t, "get", w.name(), "--field", "scopes"); got != "greet" {
		t.Errorf("the scopes are %s, and the challenge asked for greet", got)
	}

	// A refresh names the resource: the server refuses it otherwise, and the MCP server what it would give.
	if got := w.home.Must(t, "get", w.name(), "--field", "status", "--refresh"); got != "connected" || w.auth.TokenRequests("refresh_token") != 1 {
		t.Errorf("after a refresh the status is %s", got)
	}
	if r := w.greet(t); r.Code != 0 {
		t.Errorf("after a refresh the client got %s", r)
	}
}

func TestRegistrationThatTheServerHasForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.login(t)
	w.auth.ForgetClients()
	w.auth.RevokeAccessTokens()
	r := w.home.Try(t, "get", w.name(), "--field", "status", "--refresh")
	if r.Code != 0 || strings.TrimSpace(r.Stdout) != "invalid" || !strings.Contains(r.Stderr, "invalid_client") {
		t.Fatalf("the forgotten client: %s", r)
	}
	if r := w.login(t); r.Code != 0 {
		t.Fatalf("the login that should mend it failed\n%s", r)
	}
	if r := w.greet(t); r.Code != 0 {
		t.Errorf("the client got %s", r)
	}
}

func TestServerThatNamesAnotherIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.login(t)
	other := newWorld(t)
	w.mu.Lock()
	w.metadata.AuthorizationServers = []string{other.url}
	w.mu.Unlock()
	r, err := w.home.Run(t.Context(), "", "login", w.endpoint, "--no-browser", "--force")
	if err != nil || r.Code != 4 || !strings.Contains(r.Stderr, "--accept-issuer "+other.url) {
		t.Fatalf("another issuer: %v, %s", err, r)
	}
	if r := w.greet(t); r.Code != 0 {
		t.Errorf("the old connection should still work: %s", r)
	}
	// Accepted, the login goes to the other server, with a client of its own there.
	clients := len(other.auth.DynamicClients())
	if r := w.login(t, "--force", "--accept-issuer", other.url); r.Code == 0 || !strings.Contains(r.Stderr, "invalid_target") {
		t.Errorf("the other server knows nothing of this resource, and yet: %s", r)
	}
	if n := len(other.auth.DynamicClients()); n > clients+1 {
		t.Errorf("%d clients stay behind at the other server", n-clients)
	}
}
