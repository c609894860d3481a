package oauth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authsome"
)

// tiktok is a server that takes client_key only, a challenge in hexadecimal, and paths that end with a slash.
func tiktok(t *testing.T) (*upstream, *Client) {
	t.Helper()
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		switch {
		case !strings.HasSuffix(r.URL.Path, "/"):
			http.Redirect(w, r, r.URL.Path+"/", http.StatusMovedPermanently)
		case r.PostForm.Has("client_id") || r.PostForm.Get("client_key") != "the key" ||
			r.PostForm.Get("client_secret") != "the secret":
			refuse(w, "invalid_client")
		case r.URL.Path == "/revoke/" && r.PostForm.Get("token") == "act":
			fmt.Fprint(w, "{}")
		case r.PostForm.Get("code") == "c-"+hex.EncodeToString(sum[:]), r.PostForm.Get("refresh_token") == "rft":
			fmt.Fprint(w, `{"access_token":"act","refresh_token":"rft","expires_in":86400,"refresh_expires_in":31536000,"open_id":"x"}`)
		default:
			refuse(w, "invalid_grant")
		}
	})
	return u, &Client{
		ClientID: "the key", ClientSecret: authsome.NewSecret("the secret"), Now: func() time.Time { return start },
		Provider: authsome.OAuth{
			AuthorizationURL: u.URL + "/authorize/", TokenURL: u.URL + "/token/", RevocationURL: u.URL + "/revoke/",
			ClientIDParam: "client_key", ChallengeEncoding: authsome.ChallengeHex, ClientAuth: authsome.ClientAuthPost,
			RevocationStyle: authsome.RevokeOwn,
			RevocationRequest: &authsome.RequestTemplate{Params: map[string]string{
				"client_key": "{client_id}", "client_secret": "{client_secret}", "token": "{access_token}",
			}},
		},
	}
}

func refuse(w http.ResponseWriter, code string) {
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, `{"error":%q}`, code)
}

func TestClientKeyAndHexChallenge(t *testing.T) {
	t.Parallel()
	_, c := tiktok(t)
	verifier := NewVerifier()
	target, err := c.AuthorizationURL(AuthorizationRequest{RedirectURI: redirectURI, State: "st", Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/authorize/" || q.Get("client_key") != "the key" || q.Has("client_id") || q.Get("code_challenge_method") != "S256" {
		t.Errorf("got %s", target)
	}
	token, err := c.Exchange(t.Context(), authsome.NewSecret("c-"+q.Get("code_challenge")), redirectURI, verifier)
	if err != nil {
		t.Fatal(err)
	}
	if want := start.Add(365 * 24 * time.Hour); !token.RefreshExpiresAt.Equal(want) {
		t.Errorf("the refresh token lapses at %s, want %s", token.RefreshExpiresAt, want)
	}
	if _, err := c.Refresh(t.Context(), token.RefreshToken); err != nil {
		t.Error(err)
	}
	if err := c.Revoke(t.Context(), LoginTokens{AccessToken: token.AccessToken, RefreshToken: token.RefreshToken}); err != nil {
		t.Error(err)
	}
}

func TestSecretIsHashedWithTheGrant(t *testing.T) {
	t.Parallel()
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		grant := r.PostForm.Get("code") + r.PostForm.Get("refresh_token")
		sum := sha256.Sum256([]byte("s/e c:ret+1|" + grant))
		if r.PostForm.Get("hash") != hex.EncodeToString(sum[:]) || r.PostForm.Get("client_id") != "client id" ||
			r.PostForm.Has("client_secret") || r.Header.Get("Authorization") != "" {
			refuse(w, "invalid_client")
			return
		}
		fmt.Fprint(w, goodAnswer)
	})
	c := newClient(u.URL)
	c.Provider.ClientAuth = authsome.ClientAuthHash
	log := withLog(c)
	if _, err := c.Exchange(t.Context(), authsome.NewSecret("the code"), redirectURI, authsome.Secret{}); err != nil {
		t.Error(err)
	}
	if _, err := refresh(t, c); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "hash="+authsome.Redacted) {
		t.Errorf("the hash is not hidden:\n%s", log)
	}
}

func TestSecretIsTheUserName(t *testing.T) {
	t.Parallel()
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		_ = r.ParseForm()
		if !ok || user != "sk_live_1" || password != "" || r.PostForm.Has("client_secret") {
			refuse(w, "invalid_client")
			return
		}
		fmt.Fprint(w, goodAnswer)
	})
	c := newClient(u.URL)
	c.ClientSecret = authsome.NewSecret("sk_live_1")
	c.Provider.ClientAuth = authsome.ClientAuthSecretUser
	if _, err := refresh(t, c); err != nil {
		t.Error(err)
	}
}

func TestRevocationInAFormOfItsOwn(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		template authsome.RequestTemplate
		method   string
		header   [2]string
		query    string
		body     string
	}{
		"query": {
			authsome.RequestTemplate{Method: "DELETE", Format: authsome.BodyQuery, Params: map[string]string{
				"client_id": "{client_id}", "access_token": "{access_token}",
			}},
			"DELETE",
			[2]string{},
			"access_token=at%2F1&client_id=client+id&v=1", "",
		},
		"json": {
			authsome.RequestTemplate{
				Format: authsome.BodyJSON, Headers: map[string]string{"Authorization": "Client {client_secret}"},
				Params: map[string]string{"accessToken": "{access_token}", "account": "{account_id}"},
			},
			"POST",
			[2]string{"Authorization", "Client s/e c:ret+1"},
			"v=1", `{"accessToken":"at/1","account":"acct_1"}`,
		},
		"header alone": {
			authsome.RequestTemplate{Method: "DELETE", Headers: map[string]string{"X-Access-Token": "{access_token}"}},
			"DELETE",
			[2]string{"X-Access-Token", "at/1"},
			"v=1", "",
		},
		"refresh token where there is one": {
			authsome.RequestTemplate{Params: map[string]string{"token": "{token}"}},
			"POST",
			[2]string{},
			"v=1", "token=rt%2F1",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var query string
			u := serve(t, func(_ http.ResponseWriter, r *http.Request) { query = r.URL.RawQuery })
			c := newClient(u.URL)
			c.Provider.RevocationURL += "?v=1"
			c.Provider.RevocationStyle, c.Provider.RevocationRequest = authsome.RevokeOwn, &tt.template
			if err := c.Revoke(t.Context(), LoginTokens{
				AccessToken: authsome.NewSecret("at/1"), RefreshToken: authsome.NewSecret("rt/1"), AccountID: "acct_1",
			}); err != nil {
				t.Fatal(err)
			}
			got := u.last(t)
			if got.method != tt.method || query != tt.query || got.body != tt.body ||
				tt.header[0] != "" && got.header.Get(tt.header[0]) != tt.header[1] {
				t.Errorf("%s ?%s %q %v", got.method, query, got.body, got.header)
			}
		})
	}
}

func TestRevocationThatLacksSomethingIsNotSent(t *testing.T) {
	t.Parallel()
	u := answering(t, 200, "application/json", "{}")
	for name, template := range map[string]*authsome.RequestTemplate{
		"no template":  nil,
		"no account":   {Params: map[string]string{"account": "{account_id}", "client_id": "{client_id}"}},
		"no token":     {Params: map[string]string{"token": "{refresh_token}"}},
		"no secret":    {Headers: map[string]string{"Authorization": "Client {client_secret}"}, Params: map[string]string{"token": "{access_token}"}},
		"control code": {Headers: map[string]string{"X-Token": "{access_token}\n"}},
	} {
		c := newClient(u.URL)
		c.ClientSecret = authsome.Secret{}
		c.Provider.RevocationStyle, c.Provider.RevocationRequest = authsome.RevokeOwn, template
		err := c.Revoke(t.Context(), LoginTokens{AccessToken: authsome.NewSecret("at")})
		if err == nil || asError(t, err).Class != ClassRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(u.requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestRevocationOfATokenThatIsGone(t *testing.T) {
	t.Parallel()
	u := answering(t, 400, "application/json", `{"status":400,"message":"Invalid token"}`)
	c := newClient(u.URL)
	tokens := LoginTokens{AccessToken: authsome.NewSecret("at")}
	if err := c.Revoke(t.Context(), tokens); err == nil {
		t.Error("a message that the definition does not name counts as success")
	}
	c.Provider.ErrorMap = map[string]string{"Invalid token": "grant"}
	if err := c.Revoke(t.Context(), tokens); err != nil {
		t.Error(err)
	}
}

// instagram is a server whose access tokens are exchanged and renewed, each of them once, with GET.
func instagram(t *testing.T) (*upstream, *Client) {
	t.Helper()
	tokens := map[string]string{"short/1": "long/1", "long/1": "long/2"}
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch grant := q.Get("grant_type"); {
		case r.URL.Path == "/token":
			fmt.Fprint(w, `{"data":[{"access_token":"short/1","user_id":7,"permissions":"a"}]}`)
		case r.Method != http.MethodGet, q.Has("client_id"),
			r.URL.Path == "/exchange" && (grant != "ig_exchange_token" || q.Get("client_secret") != "s/e c:ret+1"),
			r.URL.Path == "/renew" && (grant != "ig_refresh_token" || q.Has("client_secret")),
			tokens[q.Get("access_token")] == "":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":{"message":"expired %s","type":"OAuthException","code":190}}`, q.Get("access_token"))
		default:
			fmt.Fprintf(w, `{"access_token":%q,"token_type":"bearer","expires_in":5184000}`, tokens[q.Get("access_token")])
		}
	})
	c := newClient(u.URL)
	c.Provider.RefreshURL = u.URL + "/renew"
	c.Provider.ResponsePath = "data.0"
	c.Provider.ErrorMap = map[string]string{"190": "grant"}
	c.Provider.LongLived = &authsome.LongLived{
		ExchangeURL: u.URL + "/exchange",
		ExchangeParams: map[string]string{
			"grant_type": "ig_exchange_token", "client_secret": "{client_secret}", "access_token": "{access_token}",
		},
		RenewParams: map[string]string{"grant_type": "ig_refresh_token", "access_token": "{access_token}"},
	}
	return u, c
}

func TestAccessTokenIsExchangedAndRenewed(t *testing.T) {
	t.Parallel()
	_, c := instagram(t)
	log := withLog(c)
	short, err := c.Exchange(t.Context(), authsome.NewSecret("code"), redirectURI, authsome.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	long, err := c.Extend(t.Context(), short)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := c.Refresh(t.Context(), long.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for name, got := range map[string]*Token{"long/1": long, "long/2": renewed} {
		if got.AccessToken.Reveal() != name || got.RefreshToken.Reveal() != name {
			t.Errorf("got %s", got.AccessToken.Reveal())
		}
		if !got.ExpiresAt.Equal(start.Add(30*day)) || got.Lifetime != 30*day || !got.RefreshExpiresAt.Equal(start.Add(60*day)) {
			t.Errorf("%s is renewed at %s and ends at %s", name, got.ExpiresAt, got.RefreshExpiresAt)
		}
	}
	_, err = c.Refresh(t.Context(), authsome.NewSecret("other/1"))
	if e := asError(t, err); e.Class != ClassGrant || e.Reason != "OAuthException" || strings.Contains(e.Description, "other/1") {
		t.Errorf("%s %q %q", e.Class, e.Reason, e.Description)
	}
	for _, secret := range []string{"short/1", "long/1", "long/2", "other/1", "s/e c:ret+1"} {
		for _, form := range []string{secret, url.QueryEscape(secret)} {
			if strings.Contains(log.String(), form) {
				t.Errorf("the log holds %s:\n%s", form, log)
			}
		}
	}
}

func TestExchangeThatFailsIsAFailureOfTheLogin(t *testing.T) {
	t.Parallel()
	_, c := instagram(t)
	_, err := c.Extend(t.Context(), &Token{AccessToken: authsome.NewSecret("unknown")})
	if asError(t, err).Class != ClassGrant {
		t.Error(err)
	}
}

func TestOtherTokensAreNotExtended(t *testing.T) {
	t.Parallel()
	u := answering(t, 200, "application/json", goodAnswer)
	token := &Token{AccessToken: authsome.NewSecret("a")}
	got, err := newClient(u.URL).Extend(t.Context(), token)
	if err != nil || got != token || len(u.requests()) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// A token that is exchanged but cannot be renewed has no refresh token, and lives as long as it does.
func TestExchangedTokenThatCannotBeRenewed(t *testing.T) {
	t.Parallel()
	u := answering(t, 200, "application/json", `{"access_token":"long","expires_in":5184000}`)
	c := newClient(u.URL)
	c.Provider.LongLived = &authsome.LongLived{
		ExchangeURL: u.URL, ExchangeParams: map[string]string{"fb_exchange_token": "{access_token}"},
	}
	got, err := c.Extend(t.Context(), &Token{AccessToken: authsome.NewSecret("short"), Scopes: []string{"a"}})
	if err != nil || !got.RefreshToken.IsZero() || got.Lifetime != 60*24*time.Hour || !cmp.Equal(got.Scopes, []string{"a"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// twitch names the scopes of a device its own way, in both requests, and has messages in place of codes.
func TestDeviceScopesAndMessagesOfItsOwn(t *testing.T) {
	t.Parallel()
	polls := 0
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		var message string
		switch {
		case r.PostForm.Get("scopes") != "a b" || r.PostForm.Has("scope"):
			message = "missing scopes"
		case r.URL.Path == "/device":
			fmt.Fprint(w, `{"device_code":"dc-1","user_code":"UC","verification_uri":"https://as.test/d","interval":1,"expires_in":60}`)
			return
		case polls == 0:
			polls++
			message = "authorization_pending"
		default:
			fmt.Fprint(w, goodAnswer)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": 400, "message": message})
	})
	c := newClient(u.URL)
	c.Provider.DeviceAuthorizationURL, c.Provider.DeviceScopeParam = u.URL+"/device", "scopes"
	d, err := c.DeviceAuthorize(t.Context(), []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.deviceToken(t.Context(), d.DeviceCode, d.scopes)
	if e := asError(t, err); e.Code != "authorization_pending" {
		t.Fatalf("%s %q", e.Class, e.Code)
	}
	if _, err := c.deviceToken(t.Context(), d.DeviceCode, d.scopes); err != nil {
		t.Error(err)
	}
}

func TestErrorsInWordsOfProviders(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body   string
		known  map[string]string
		class  Class
		reason string
	}{
		"fitbit": {`{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid"}],"success":false}`, nil, ClassGrant, "invalid_grant"},
		"strava, token": {
			`{"message":"Bad Request","errors":[{"resource":"RefreshToken","field":"refresh_token","code":"invalid"}]}`,
			map[string]string{"RefreshToken.invalid": "grant"},
			ClassGrant, "RefreshToken.invalid",
		},
		"strava, client": {
			`{"message":"Bad Request","errors":[{"resource":"Application","field":"client_id","code":"invalid"}]}`,
			map[string]string{"RefreshToken.invalid": "grant", "Application.invalid": "client"},
			ClassClient, "Application.invalid",
		},
		"twitch":            {`{"status":400,"message":"Invalid refresh token"}`, map[string]string{"Invalid refresh token": "grant"}, ClassGrant, "HTTP 400"},
		"unnamed message":   {`{"status":400,"message":"Invalid refresh token"}`, nil, ClassRequest, "HTTP 400"},
		"instagram, login":  {`{"error_type":"OAuthException","code":400,"error_message":"Invalid code"}`, nil, ClassRequest, "OAuthException"},
		"facebook, number":  {`{"error":{"type":"OAuthException","code":190,"message":"x"}}`, map[string]string{"190": "grant"}, ClassGrant, "OAuthException"},
		"facebook, another": {`{"error":{"type":"OAuthException","code":10,"message":"x"}}`, map[string]string{"190": "grant"}, ClassRequest, "OAuthException"},
		"empty array":       {`{"errors":[]}`, nil, ClassRequest, "HTTP 400"},
		"words in an array": {`{"errors":["invalid_grant"]}`, nil, ClassRequest, "HTTP 400"},
	}
	for name, tt := range tests {
		c := newClient(answering(t, 400, "application/json", tt.body).URL)
		c.Provider.ErrorMap = tt.known
		_, err := refresh(t, c)
		if e := asError(t, err); e.Class != tt.class || e.Reason != tt.reason {
			t.Errorf("%s: %s %q, want %s %q", name, e.Class, e.Reason, tt.class, tt.reason)
		}
	}
}

// What a request carries in its query must not come out with an error of the network.
func TestQueryOfARequestIsNotInItsError(t *testing.T) {
	t.Parallel()
	_, c := instagram(t)
	c.Provider.RefreshURL = "http://" + closedPort + "/renew"
	log := withLog(c)
	_, err := c.Refresh(t.Context(), authsome.NewSecret("long/token+1"))
	e := asError(t, err)
	text := fmt.Sprintf("%v %+v %v", err, err, e.Err) + log.String()
	if strings.Contains(text, "long/token") || strings.Contains(text, "long%2Ftoken") {
		t.Error(text)
	}
}
