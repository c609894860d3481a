package interop_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"

	"authsome/tests/internal/process"
)

// hydra is an authorization server made of Ory's library, which Ory Hydra is made of too: code with PKCE, refresh with
// rotation and reuse detection, pushed requests, client credentials, revocation.
type hydra struct {
	provider fosite.OAuth2Provider
	url      string

	mu    sync.Mutex // guards calls
	calls map[string]int
}

const (
	hydraClient = "hydra-client"
	hydraSecret = "hydra/secret+1"
)

func startHydra(t *testing.T) *hydra {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	hashed, err := bcrypt.GenerateFromPassword([]byte(hydraSecret), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	store := storage.NewMemoryStore()
	store.Clients[hydraClient] = &fosite.DefaultClient{
		ID: hydraClient, Secret: hashed, RedirectURIs: []string{"http://127.0.0.1/callback"},
		ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"},
		Scopes: []string{"read", "offline"},
	}
	h := &hydra{calls: make(map[string]int)}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	h.url = srv.URL
	h.provider = compose.ComposeAllEnabled(&fosite.Config{
		GlobalSecret: []byte(strings.Repeat("0", 32)), AccessTokenLifespan: time.Hour, EnforcePKCE: true,
		SendDebugMessagesToClients: true, RefreshTokenScopes: []string{"offline"}, TokenURL: h.url + "/token",
		PushedAuthorizeRequestURIPrefix: "urn:ietf:params:oauth:request_uri:",
	}, store, key)
	for path, serve := range map[string]http.HandlerFunc{
		"/authorize": h.authorize, "/token": h.token, "/par": h.push, "/revoke": h.revoke,
	} {
		mux.HandleFunc(path, func(rw http.ResponseWriter, r *http.Request) {
			h.mu.Lock()
			h.calls[path+" "+r.FormValue("grant_type")]++
			h.mu.Unlock()
			serve(rw, r)
		})
	}
	return h
}

func (h *hydra) session() *openid.DefaultSession {
	return &openid.DefaultSession{Claims: &jwt.IDTokenClaims{Subject: "ada"}, Headers: &jwt.Headers{}, Subject: "ada"}
}

// authorize consents to everything.
func (h *hydra) authorize(rw http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := h.provider.NewAuthorizeRequest(ctx, r)
	if err != nil {
		h.provider.WriteAuthorizeError(ctx, rw, request, err)
		return
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	response, err := h.provider.NewAuthorizeResponse(ctx, request, h.session())
	if err != nil {
		h.provider.WriteAuthorizeError(ctx, rw, request, err)
		return
	}
	h.provider.WriteAuthorizeResponse(ctx, rw, request, response)
}

func (h *hydra) token(rw http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := h.provider.NewAccessRequest(ctx, r, h.session())
	if err != nil {
		h.provider.WriteAccessError(ctx, rw, request, err)
		return
	}
	if request.GetGrantTypes().ExactOne("client_credentials") {
		for _, scope := range request.GetRequestedScopes() {
			request.GrantScope(scope)
		}
	}
	response, err := h.provider.NewAccessResponse(ctx, request)
	if err != nil {
		h.provider.WriteAccessError(ctx, rw, request, err)
		return
	}
	h.provider.WriteAccessResponse(ctx, rw, request, response)
}

func (h *hydra) push(rw http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := h.provider.NewPushedAuthorizeRequest(ctx, r)
	if err == nil {
		var response fosite.PushedAuthorizeResponder
		if response, err = h.provider.NewPushedAuthorizeResponse(ctx, request, h.session()); err == nil {
			h.provider.WritePushedAuthorizeResponse(ctx, rw, request, response)
			return
		}
	}
	h.provider.WritePushedAuthorizeError(ctx, rw, request, err)
}

func (h *hydra) revoke(rw http.ResponseWriter, r *http.Request) {
	err := h.provider.NewRevocationRequest(r.Context(), r)
	h.provider.WriteRevocationResponse(r.Context(), rw, err)
}

func (h *hydra) count(call string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[call]
}

func (h *hydra) definition(flow, more string) string {
	return fmt.Sprintf(`{
		"name": "hydra", "display_name": "Hydra", "auth_type": "oauth2", "flow": %q, "host_url": "api.hydra.test",
		"client": {"client_id_env": "HYDRA_CLIENT_ID", "client_secret_env": "HYDRA_CLIENT_SECRET"},
		"oauth": {
			"authorization_url": "%[2]s/authorize", "token_url": "%[2]s/token", "revocation_url": "%[2]s/revoke",
			"scopes": ["read", "offline"], "pkce": "required", "client_auth": "basic" %[3]s
		}
	}`, flow, h.url, more)
}

func (h *hydra) home(t *testing.T, definition string) *process.Home {
	t.Helper()
	home := process.NewHome(t)
	home.Env = append(home.Env, "HYDRA_CLIENT_ID="+hydraClient, "HYDRA_CLIENT_SECRET="+hydraSecret)
	home.Register(t, definition)
	return home
}

func TestHydraWithAndWithoutPushedRequests(t *testing.T) {
	t.Parallel()
	for name, pushed := range map[string]int{"": 0, `, "require_par": true, "pushed_authorization_url": "URL/par"`: 1} {
		h := startHydra(t)
		home := h.home(t, h.definition("pkce", strings.ReplaceAll(name, "URL", h.url)))
		if r := home.Login(t, process.Follow, "hydra"); r.Code != 0 {
			t.Fatalf("the login failed\n%s", r)
		}
		if n := h.count("/par "); n != pushed {
			t.Errorf("%d pushed requests, want %d", n, pushed)
		}
		first := home.Must(t, "get", "hydra", "--field", "access_token", "--show-secret")
		for range 3 { // each refresh rotates, and a token that is used twice ends the family
			home.Must(t, "get", "hydra", "--refresh")
		}
		if got := home.Must(t, "get", "hydra", "--field", "status"); got != "connected" || h.count("/token refresh_token") != 3 {
			t.Errorf("after three refreshes, %d calls: %s", h.count("/token refresh_token"), got)
		}
		if home.Must(t, "get", "hydra", "--field", "access_token", "--show-secret") == first {
			t.Error("the token is still the first one")
		}
		if out := home.Must(t, "revoke", "hydra"); h.count("/revoke ") != 1 {
			t.Errorf("not revoked: %s", out)
		}
	}
}

func TestHydraWithoutAPerson(t *testing.T) {
	t.Parallel()
	h := startHydra(t)
	home := h.home(t, strings.Replace(h.definition("client_credentials", ""), `["read", "offline"]`, `["read"]`, 1))
	home.Must(t, "login", "hydra")
	home.Must(t, "get", "hydra", "--refresh")
	if got := home.Must(t, "get", "hydra", "--field", "status"); got != "connected" || h.count("/token client_credentials") != 2 {
		t.Errorf("after %d calls: %s", h.count("/token client_credentials"), got)
	}
	home.Env[len(home.Env)-1] = "HYDRA_CLIENT_SECRET=wrong"
	if r := home.Try(t, "login", "hydra", "--force", "--client-id", hydraClient); r.Code != 4 || !strings.Contains(r.Stderr, "invalid_client") {
		t.Errorf("a wrong secret: %s", r)
	}
}
