package interop_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"authsome/tests/internal/process"
)

// The account that the example server has.
const (
	username = "test-user2"
	password = "verysecure"
)

// zitadel is the example server of github.com/zitadel/oidc.
type zitadel struct {
	url   string
	store *storage.Storage

	mu     sync.Mutex // guards tokens
	tokens []tokenRequest
}

// tokenRequest is a request that the token or the revocation endpoint has answered.
type tokenRequest struct {
	path  string
	form  url.Values
	basic bool
	code  int
}

func startZitadel(t *testing.T, clients ...*storage.Client) *zitadel {
	t.Helper()
	z := new(zitadel)
	var handler http.Handler
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { z.serve(handler, w, r) }))
	t.Cleanup(srv.Close)
	z.url = srv.URL
	registered := make(map[string]*storage.Client)
	for _, c := range clients {
		registered[c.GetID()] = c
	}
	z.store = storage.NewStorageWithClients(storage.NewUserStore(srv.URL), registered)
	handler = exampleop.SetupServer(srv.URL, z.store, nil, false)
	return z
}

// serve keeps what the token endpoints are asked.
func (z *zitadel) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/oauth/token" && r.URL.Path != "/revoke" {
		next.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	form, _ := url.ParseQuery(string(body))
	_, _, basic := r.BasicAuth()
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	z.mu.Lock()
	z.tokens = append(z.tokens, tokenRequest{path: r.URL.Path, form: form, basic: basic, code: answer.Code})
	z.mu.Unlock()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (z *zitadel) asked(path, grant string) []tokenRequest {
	z.mu.Lock()
	defer z.mu.Unlock()
	var found []tokenRequest
	for _, r := range z.tokens {
		if r.path == path && r.form.Get("grant_type") == grant {
			found = append(found, r)
		}
	}
	return found
}

// definition describes the server as a user would.
func (z *zitadel) definition(clientAuth, redirect string) string {
	return fmt.Sprintf(`{
		// The example server of a Go library, on this machine.
		"schema_version": 1, "name": "zitadel", "display_name": "Zitadel", "auth_type": "oauth2", "flow": "pkce",
		"host_url": "api.zitadel.test",
		"client": {"client_id_env": "ZITADEL_CLIENT_ID", "client_secret_env": "ZITADEL_CLIENT_SECRET"},
		"oauth": {
			"base_url": %q, "issuer": %q,
			"authorization_url": "{base_url}/auth", "token_url": "{base_url}/oauth/token",
			"revocation_url": "{base_url}/revoke",
			"scopes": ["openid", "profile", "offline_access"], "pkce": "required", "client_auth": %q,
			"redirect": %s
		}
	}`, z.url, z.url, clientAuth, redirect)
}

var loginID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// signIn does what a person does at the server's login page.
func (z *zitadel) signIn(address string) error {
	browser := process.Browser()
	page, err := process.Get(browser, address)
	if err != nil {
		return err
	}
	id := loginID.FindStringSubmatch(page)
	if id == nil {
		return fmt.Errorf("no login page: %s", page)
	}
	resp, err := browser.PostForm(z.url+"/login/username", url.Values{
		"id": {id[1]}, "username": {username}, "password": {password},
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if !strings.Contains(string(body), "Connected to Zitadel") {
		return errors.Join(err, fmt.Errorf("the browser ended at %s with: %s", resp.Request.URL.Path, body))
	}
	return err
}

// accepts asks an API of the server's, with the token.
func (z *zitadel) accepts(t *testing.T, token string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, z.url+"/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// endSession is what the person's logout at the server does: all tokens die.
func (z *zitadel) endSession(t *testing.T, client string) {
	t.Helper()
	if err := z.store.TerminateSession(context.Background(), "id2", client); err != nil {
		t.Fatal(err)
	}
}

// A native client may come back at any port, RFC 8252 section 7.3; it has no secret.
func TestZitadelPublicClient(t *testing.T) {
	z, h := startZitadel(t, storage.NativeClient("native", "http://127.0.0.1/callback")), process.NewHome(t)
	h.Env = []string{"ZITADEL_CLIENT_ID=native"}
	h.Register(t, z.definition("none", `{"kind": "loopback-ip"}`))
	z.live(t, h, "native", false)
}

// A web client has one redirect URI, and a secret with characters that Basic authentication must encode.
func TestZitadelConfidentialClient(t *testing.T) {
	const secret = "web secret/+&%:"
	port := freePort(t)
	client := storage.WebClient("web", secret, fmt.Sprintf("http://localhost:%d/callback", port))
	z, h := startZitadel(t, client), process.NewHome(t)
	h.Env = []string{"ZITADEL_CLIENT_ID=web", "ZITADEL_CLIENT_SECRET=" + secret}
	h.Register(t, z.definition("basic", fmt.Sprintf(`{"kind": "fixed-port", "host": "localhost", "port": %d}`, port)))
	z.live(t, h, "web", true)
}

// freePort returns a port that nobody listens on. It is below those that systems give out by themselves (on Linux from 32768
// on), since the login comes later, and hundreds of connections of other tests in between.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// live is the life of a login at this server.
func (z *zitadel) live(t *testing.T, h *process.Home, client string, basic bool) {
	t.Helper()
	secret := []string{"get", "zitadel", "--field", "access_token", "--show-secret"}
	login := func() {
		if r := h.Login(t, z.signIn, "zitadel"); r.Code != 0 {
			t.Fatalf("login\n%s", r)
		}
	}
	login()
	first := h.Must(t, secret...)
	if !z.accepts(t, first) {
		t.Fatal("the token of the login is not accepted")
	}
	z.checkExpiry(t, h)
	// The server's tokens live shorter than the refresh window: asking again must not refresh.
	if again := h.Must(t, secret...); again != first || len(z.asked("/oauth/token", "refresh_token")) != 0 {
		t.Error("a token that was just issued has been refreshed")
	}

	second := h.Must(t, append(secret, "--refresh")...)
	third := h.Must(t, append(secret, "--refresh")...)
	refreshes := z.asked("/oauth/token", "refresh_token")
	if len(refreshes) != 2 || second == first || third == second || !z.accepts(t, third) {
		t.Fatalf("two refreshes have made %d requests", len(refreshes))
	}
	if refreshes[0].form.Get("refresh_token") == refreshes[1].form.Get("refresh_token") || refreshes[0].basic != basic {
		t.Errorf("the refresh token was not replaced, or the client is authenticated the wrong way: %+v", refreshes)
	}

	// Revoked here: the server is told, and accepts neither token.
	h.Must(t, "revoke", "zitadel")
	if revocations := z.asked("/revoke", ""); len(revocations) == 0 || revocations[0].code != http.StatusOK {
		t.Errorf("the revocation endpoint was asked: %+v", revocations)
	}
	if z.accepts(t, third) {
		t.Error("the revoked token is accepted still")
	}
	if r := h.Try(t, secret...); r.Code != 5 {
		t.Errorf("get after revoke\n%s", r)
	}

	// Ended there: the server refuses the refresh token, and the login is known to be over.
	login()
	z.endSession(t, client)
	if r := h.Try(t, "get", "zitadel", "--refresh", "--field", "status"); r.Stdout != "invalid\n" ||
		!strings.Contains(r.Stderr, "refresh failed for zitadel (default): invalid_grant") {
		t.Errorf("a refresh after the end of the session\n%s", r)
	}
	asked := len(z.asked("/oauth/token", "refresh_token"))
	if r := h.Try(t, "get", "zitadel", "--refresh", "--field", "last_refresh_error"); r.Stdout != "invalid_grant\n" {
		t.Errorf("the reason\n%s", r)
	}
	if now := len(z.asked("/oauth/token", "refresh_token")); now != asked {
		t.Errorf("an invalid login has sent %d more refresh requests", now-asked)
	}
	login() // an invalid login is replaced without --force
	if !z.accepts(t, h.Must(t, secret...)) {
		t.Error("the new login is not accepted")
	}
}

// checkExpiry compares the stored expiry with what this server issues: tokens of five minutes.
func (z *zitadel) checkExpiry(t *testing.T, h *process.Home) {
	t.Helper()
	text := h.Must(t, "get", "zitadel", "--field", "expires_at")
	expires, err := time.Parse(time.RFC3339, text)
	if left := time.Until(expires); err != nil || left < 4*time.Minute || left > 5*time.Minute {
		t.Errorf("expires_at %q, in %s, error %v", text, left, err)
	}
}
