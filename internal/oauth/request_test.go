package oauth

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authsome"
)

const goodAnswer = `{"access_token":"at","token_type":"Bearer","expires_in":3600,"refresh_token":"rt"}`

func TestExchange_6749_1_Request(t *testing.T) {
	t.Parallel()
	u := answering(t, 200, "application/json", goodAnswer)
	c := newClient(u.URL)
	c.Provider.TokenParams = map[string]string{"audience": "api", "empty": ""}
	c.Provider.Resource = "https://api.test/"
	token, err := c.Exchange(t.Context(), authsome.NewSecret("the code"), redirectURI, authsome.NewSecret("ver"))
	if err != nil || token.AccessToken.Reveal() != "at" || token.RefreshToken.Reveal() != "rt" {
		t.Fatalf("%+v, %v", token, err)
	}
	got := u.last(t)
	want := url.Values{
		"grant_type": {"authorization_code"}, "code": {"the code"}, "redirect_uri": {redirectURI},
		"code_verifier": {"ver"}, "client_id": {"client id"}, "client_secret": {"s/e c:ret+1"}, "audience": {"api"},
		"resource": {"https://api.test/"},
	}
	if diff := cmp.Diff(want, got.form); diff != "" {
		t.Error(diff)
	}
	if got.method != http.MethodPost || got.path != "/token" ||
		got.header.Get("Content-Type") != "application/x-www-form-urlencoded" ||
		got.header.Get("Accept") != "application/json" || got.header.Get("User-Agent") != "authsome" ||
		got.header.Get("Authorization") != "" || got.header.Get("Connection") != "close" {
		t.Errorf("%s %s %v", got.method, got.path, got.header)
	}
}

func TestRefresh_6749_8_Request(t *testing.T) {
	t.Parallel()
	u := answering(t, 200, "application/json", goodAnswer)
	c := newClient(u.URL)
	c.Provider.RefreshURL = u.URL + "/refresh"
	c.Provider.RefreshParams = map[string]string{"extra": "1"}
	c.Provider.TokenParams = map[string]string{"not": "here"}
	c.Provider.Scopes = []string{"not", "asked", "for"}
	c.Provider.Resource = "https://api.test/"
	if _, err := refresh(t, c); err != nil {
		t.Fatal(err)
	}
	got := u.last(t)
	want := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"old-refresh-token"}, "client_id": {"client id"},
		"client_secret": {"s/e c:ret+1"}, "extra": {"1"}, "resource": {"https://api.test/"},
	}
	if diff := cmp.Diff(want, got.form); diff != "" || got.path != "/refresh" {
		t.Errorf("%s %s", got.path, diff)
	}
}

func TestRequest_6749_3_OneClientAuthenticationMethod(t *testing.T) {
	t.Parallel()
	const encoded = "client+id:s%2Fe+c%3Aret%2B1" // 6749-2: each half form-encoded
	tests := []struct {
		name       string
		method     authsome.ClientAuth
		secret     string
		wantBasic  string
		wantID     string
		wantSecret string
	}{
		{"default with secret", "", "s/e c:ret+1", "", "client id", "s/e c:ret+1"},
		{"default without", "", "", "", "client id", ""},
		{"post", authsome.ClientAuthPost, "s/e c:ret+1", "", "client id", "s/e c:ret+1"},
		{"post, public client", authsome.ClientAuthPost, "", "", "client id", ""},
		{"basic", authsome.ClientAuthBasic, "s/e c:ret+1", encoded, "", ""},
		{"basic, public client", authsome.ClientAuthBasic, "", "", "client id", ""},
		{"none", authsome.ClientAuthNone, "s/e c:ret+1", "", "client id", ""},
	}
	for _, format := range []authsome.BodyFormat{"", authsome.BodyForm, authsome.BodyJSON} {
		for _, tt := range tests {
			u := answering(t, 200, "application/json", goodAnswer)
			c := newClient(u.URL)
			c.ClientSecret = authsome.NewSecret(tt.secret)
			c.Provider.ClientAuth, c.Provider.BodyFormat = tt.method, format
			if _, err := refresh(t, c); err != nil {
				t.Fatal(err)
			}
			got := u.last(t)
			form := map[string]string{}
			if format == authsome.BodyJSON {
				if err := json.Unmarshal([]byte(got.body), &form); err != nil ||
					got.header.Get("Content-Type") != "application/json" {
					t.Fatalf("%s: %v %v", tt.name, err, got.header)
				}
			} else {
				for k := range got.form {
					form[k] = got.form.Get(k)
				}
			}
			want := map[string]string{"grant_type": "refresh_token", "refresh_token": "old-refresh-token"}
			if tt.wantID != "" {
				want["client_id"] = tt.wantID
			}
			if tt.wantSecret != "" {
				want["client_secret"] = tt.wantSecret
			}
			if diff := cmp.Diff(want, form); diff != "" {
				t.Errorf("%s, %q: %s", tt.name, format, diff)
			}
			basic := ""
			if tt.wantBasic != "" {
				basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(tt.wantBasic))
			}
			if got.header.Get("Authorization") != basic {
				t.Errorf("%s: Authorization %q", tt.name, got.header.Get("Authorization"))
			}
		}
	}
}

func TestRequest_9700_3_NoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		elsewhere := answering(t, 200, "application/json", goodAnswer)
		u := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		_, err := refresh(t, newClient(u.URL))
		e := asError(t, err)
		if e.Class != ClassTransient || len(elsewhere.requests()) != 0 || len(u.requests()) != 1 {
			t.Errorf("%d: %s %q, followed %d times", status, e.Class, e.Reason, len(elsewhere.requests()))
		}
	}
}

// Attack 35: a token endpoint that was changed into a cleartext address.
func TestRequestIsNotSentInTheClear(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"http://as.test/token", "http://192.0.2.1/", "http://localhost.evil.test/", ""} {
		c := &Client{ClientID: "id", HTTP: &http.Client{Transport: forbidden{t}}}
		c.Provider.TokenURL, c.Provider.RevocationURL = endpoint, endpoint
		if _, err := refresh(t, c); asError(t, err).Class != ClassRequest {
			t.Errorf("%q: %v", endpoint, err)
		}
		if err := c.Revoke(t.Context(), LoginTokens{AccessToken: authsome.NewSecret("x")}); err == nil {
			t.Errorf("%q: revoked", endpoint)
		}
	}
}

type forbidden struct{ t *testing.T }

func (f forbidden) RoundTrip(r *http.Request) (*http.Response, error) {
	f.t.Errorf("sent to %s", r.URL.Host)
	return nil, http.ErrServerClosed
}

func TestRefreshWithoutRefreshTokenSendsNothing(t *testing.T) {
	t.Parallel()
	u := answering(t, 200, "application/json", goodAnswer)
	if _, err := newClient(u.URL).Refresh(t.Context(), authsome.Secret{}); err == nil || len(u.requests()) != 0 {
		t.Errorf("%v after %d requests", err, len(u.requests()))
	}
}
