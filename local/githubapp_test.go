package local_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/local"
)

// forge is GitHub as far as its apps see it.
type forge struct {
	w         *world
	key       *rsa.PrivateKey
	installed []int
	issued    int
	revoked   []string // tokens
}

func newForge(t *testing.T, installed ...int) (*forge, *world, *local.Layer) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil)
	f := &forge{w: w, key: key, installed: installed}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	l := w.process()
	w.define(l, fmt.Sprintf(`{
		"name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "jwt_bearer", "host_url": "api.acme.test",
		"oauth": {"token_url": "%s/app/installations", "assertion": "github_app"}
	}`, srv.URL))
	return f, w, l
}

// isApp checks the JWT that an app shows: its signature, its issuer, and that it is of now and for ten minutes at most.
func (f *forge) isApp(r *http.Request) bool {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		return false
	}
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	var claims struct {
		Iss      string
		Iat, Exp int64
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	now := f.w.clock().Unix()
	return rsa.VerifyPKCS1v15(&f.key.PublicKey, crypto.SHA256, sum[:], signature) == nil && json.Unmarshal(payload, &claims) == nil &&
		claims.Iss == "app-7" && claims.Iat <= now && claims.Exp > now && claims.Exp-now <= 600
}

func (f *forge) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/api/v3")
	if r.Method == http.MethodDelete && r.URL.Path == "/installation/token" {
		f.revoked = append(f.revoked, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		rw.WriteHeader(http.StatusNoContent)
		return
	}
	if !f.isApp(r) {
		rw.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(rw, `{"message": "A JSON web token could not be decoded"}`)
		return
	}
	if r.Method == http.MethodGet {
		var list []string
		for _, id := range f.installed {
			list = append(list, fmt.Sprintf(`{"id": %d, "account": {"login": "org-%d"}}`, id, id))
		}
		fmt.Fprintf(rw, "[%s]", strings.Join(list, ","))
		return
	}
	var id int
	if _, err := fmt.Sscanf(r.URL.Path, "/app/installations/%d/access_tokens", &id); err != nil || !slices.Contains(f.installed, id) {
		rw.WriteHeader(http.StatusNotFound)
		fmt.Fprint(rw, `{"message": "Not Found"}`)
		return
	}
	f.issued++
	rw.WriteHeader(http.StatusCreated)
	fmt.Fprintf(rw, `{"token": "ghs_%d_%d", "expires_at": %q, "permissions": {"metadata": "read", "contents": "write"}}`,
		id, f.issued, f.w.clock().Add(time.Hour).Format(time.RFC3339))
}

func (f *forge) fields(t *testing.T, installation string) map[authsome.FieldName]authsome.Secret {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(f.key)})
	return map[authsome.FieldName]authsome.Secret{
		authsome.FieldAppID: authsome.NewSecret("app-7"), authsome.FieldPrivateKey: authsome.NewSecret(string(text)),
		authsome.FieldInstallationID: authsome.NewSecret(installation),
	}
}

func TestGitHubAppGetsTokensOfItsInstallation(t *testing.T) {
	t.Parallel()
	f, w, l := newForge(t, 11)
	step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Fields: f.fields(t, "")})
	if err != nil || step.Connection == nil {
		t.Fatalf("%+v, %v", step, err)
	}
	if c := step.Connection; !c.Refreshable || !slices.Equal(c.Scopes, []string{"contents:write", "metadata:read"}) {
		t.Errorf("the connection is %+v", c)
	}
	if got := w.mustToken(l).Value.Reveal(); got != "ghs_11_1" {
		t.Errorf("the token is %s", got)
	}
	w.pass(56 * time.Minute)
	if got := w.mustToken(l).Value.Reveal(); got != "ghs_11_2" {
		t.Errorf("in its window the token is %s", got)
	}
	// Taken off the organisation, the app gets nothing more, and nothing more is asked.
	f.installed = nil
	w.pass(2 * time.Hour)
	if _, err := w.token(l); authsome.KindOf(err) != authsome.KindRefreshFailed {
		t.Errorf("after it was removed: %v", err)
	}
	if w.status(l) != authsome.StatusInvalid {
		t.Errorf("the status is %s", w.status(l))
	}
}

func TestGitHubAppAtSeveralPlacesSaysWhich(t *testing.T) {
	t.Parallel()
	f, w, l := newForge(t, 11, 12)
	_, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Fields: f.fields(t, "")})
	wantFailure(t, err, "11 (org-11), 12 (org-12)")
	if _, err = l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Fields: f.fields(t, "12")}); err != nil {
		t.Fatal(err)
	}
	if got := w.mustToken(l).Value.Reveal(); got != "ghs_12_1" {
		t.Errorf("the token is %s", got)
	}
	other := f.fields(t, "12")
	other[authsome.FieldAppID] = authsome.NewSecret("app-8")
	_, err = l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Force: true, Fields: other})
	wantFailure(t, err, "not accepted")
}

// GitHub Enterprise Server has its API below a path; a token of an installation is revoked with itself.
func TestGitHubAppElsewhereAndItsEnd(t *testing.T) {
	t.Parallel()
	f, w, l := newForge(t, 11)
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	w.define(l, `{
		"name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "jwt_bearer", "hosts": ["api.acme.test", "{base_url}/api"],
		"oauth": {
			"base_url": "https://acme.test", "token_url": "https://api.acme.test/app/installations",
			"revocation_url": "https://api.acme.test/installation/token", "revocation_style": "bearer_delete",
			"elsewhere": {
				"token_url": "{base_url}/api/v3/app/installations", "revocation_url": "{base_url}/api/v3/installation/token"
			},
			"assertion": "github_app", "client_auth": "none"
		}
	}`)
	step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, BaseURL: srv.URL, Fields: f.fields(t, "")})
	if err != nil || step.Connection == nil {
		t.Fatalf("%+v, %v", step, err)
	}
	w.pass(56 * time.Minute)
	if got := w.mustToken(l).Value.Reveal(); got != "ghs_11_2" {
		t.Errorf("in its window the token is %s", got)
	}
	report, err := l.Revoke(t.Context(), acme)
	if err != nil || len(report.Connections) != 1 || !report.Connections[0].Remote {
		t.Errorf("%+v, %v", report, err)
	}
	if !slices.Equal(f.revoked, []string{"ghs_11_2"}) {
		t.Errorf("revoked were %v", f.revoked)
	}
}
