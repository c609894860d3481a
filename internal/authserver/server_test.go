package authserver_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"authsome/internal/authserver"
)

const (
	redirectURI = "http://127.0.0.1/callback"
	verifier    = "a-verifier-of-at-least-forty-three-characters-0123456789"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start serves a server on loopback with the clients public, basic and post.
func start(t *testing.T, config authserver.Config) (*authserver.Server, string, *clock) {
	t.Helper()
	c := &clock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	config.Now = c.Now
	config.Clients = []authserver.Client{
		{ID: "public", RedirectURIs: []string{redirectURI}},
		{ID: "basic", Secret: "s e:cret", Auth: authserver.ClientAuthBasic, RedirectURIs: []string{redirectURI}},
		{ID: "post", Secret: "secret", RedirectURIs: []string{redirectURI}},
	}
	s := authserver.New(config)
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	return s, ts.URL, c
}

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func authorizeQuery() url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {"public"}, "redirect_uri": {"http://127.0.0.1:5555/callback"},
		"state": {"st&te"}, "scope": {"read write"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}
}

// noRedirect returns what a browser would be told.
var noRedirect = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func get(t *testing.T, target string) (*http.Response, string) {
	t.Helper()
	resp, err := noRedirect.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}

func post(t *testing.T, target string, form url.Values, basic ...string) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(basic) == 2 {
		req.SetBasicAuth(basic[0], basic[1])
	}
	resp, err := noRedirect.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&body)
	return resp, body
}

func location(t *testing.T, resp *http.Response) url.Values {
	t.Helper()
	if resp.StatusCode != http.StatusFound {
		t.Fatalf("status %d, want a redirect", resp.StatusCode)
	}
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Host != "127.0.0.1:5555" || u.Path != "/callback" {
		t.Fatalf("redirected to %s", u)
	}
	return u.Query()
}

func codeGrant(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"public"},
		"redirect_uri": {"http://127.0.0.1:5555/callback"}, "code_verifier": {verifier},
	}
}

func refreshGrant(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"public"}}
}

func TestMetadataNamesTheServerItself(t *testing.T) {
	t.Parallel()
	_, base, _ := start(t, authserver.Config{})
	_, body := get(t, base+"/.well-known/oauth-authorization-server")
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if doc["issuer"] != base || doc["token_endpoint"] != base+authserver.PathToken ||
		doc["authorization_response_iss_parameter_supported"] != true {
		t.Errorf("metadata: %s", body)
	}
}

func TestLoginThroughTheConsentPage(t *testing.T) {
	t.Parallel()
	for decision, want := range map[string]string{"approve": "code", "deny": "error"} {
		s, base, _ := start(t, authserver.Config{})
		resp, page := get(t, base+"/authorize?"+authorizeQuery().Encode())
		id := regexp.MustCompile(`name="consent" value="([^"]+)"`).FindStringSubmatch(page)
		if resp.StatusCode != http.StatusOK || id == nil || !strings.Contains(page, "read, write") {
			t.Fatalf("no consent page: %s", page)
		}
		form := url.Values{"consent": {id[1]}, "decision": {decision}}
		answer, _ := post(t, base+"/authorize", form)
		q := location(t, answer)
		if !q.Has(want) || q.Get("state") != "st&te" || q.Get("iss") != base {
			t.Errorf("%s: redirected with %v", decision, q)
		}
		if again, _ := post(t, base+"/authorize", form); again.StatusCode != http.StatusBadRequest {
			t.Errorf("the decision counted twice: %d", again.StatusCode)
		}
		if want == "error" {
			continue
		}
		_, tokens := post(t, base+"/token", codeGrant(q.Get("code")))
		if !s.AccessTokenValid(tokens["access_token"].(string)) || tokens["scope"] != "read write" {
			t.Errorf("tokens: %v", tokens)
		}
	}
}

func TestAuthorizationRequestIsCheckedStrictly(t *testing.T) {
	t.Parallel()
	_, base, _ := start(t, authserver.Config{Consent: authserver.ConsentApprove, Scopes: []string{"read", "write"}})
	tests := map[string]struct {
		set  url.Values
		want string // error code; "page": no redirect
	}{
		"good":                 {nil, ""},
		"another port":         {url.Values{"redirect_uri": {"http://127.0.0.1:5555/callback"}}, ""},
		"another path":         {url.Values{"redirect_uri": {"http://127.0.0.1:5555/other"}}, "page"},
		"another host":         {url.Values{"redirect_uri": {"http://127.0.0.1.evil.test/callback"}}, "page"},
		"localhost":            {url.Values{"redirect_uri": {"http://localhost:5555/callback"}}, "page"},
		"user info":            {url.Values{"redirect_uri": {"http://x@127.0.0.1/callback"}}, "page"},
		"unknown client":       {url.Values{"client_id": {"nobody"}}, "page"},
		"no PKCE":              {url.Values{"code_challenge": nil}, "invalid_request"},
		"plain PKCE":           {url.Values{"code_challenge_method": {"plain"}}, "invalid_request"},
		"token response":       {url.Values{"response_type": {"token"}}, "unsupported_response_type"},
		"unknown scope":        {url.Values{"scope": {"read admin"}}, "invalid_scope"},
		"a parameter twice":    {url.Values{"scope": {"read", "write"}}, "invalid_request"},
		"two resources (8707)": {url.Values{"resource": {"https://a.test", "https://b.test"}}, ""},
	}
	for name, tt := range tests {
		q := authorizeQuery()
		for k, v := range tt.set {
			q[k] = v
		}
		resp, _ := get(t, base+"/authorize?"+q.Encode())
		if tt.want == "page" {
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: status %d, want 400 and no redirect", name, resp.StatusCode)
			}
			continue
		}
		if got := location(t, resp).Get("error"); got != tt.want {
			t.Errorf("%s: error %q, want %q", name, got, tt.want)
		}
	}
}

func TestCodeIsGoodOnceForItsRequestOnly(t *testing.T) {
	t.Parallel()
	s, base, clock := start(t, authserver.Config{Consent: authserver.ConsentApprove})
	code := func() string {
		resp, _ := get(t, base+"/authorize?"+authorizeQuery().Encode())
		return location(t, resp).Get("code")
	}
	for name, change := range map[string]url.Values{
		"other verifier": {"code_verifier": {verifier + "x"}},
		"no verifier":    {"code_verifier": nil},
		"other redirect": {"redirect_uri": {redirectURI}},
		"unknown code":   {"code": {"x"}},
	} {
		form := codeGrant(code())
		for k, v := range change {
			form[k] = v
		}
		if resp, body := post(t, base+"/token", form); resp.StatusCode != http.StatusBadRequest || body["error"] != "invalid_grant" {
			t.Errorf("%s: %d %v", name, resp.StatusCode, body)
		}
	}
	late := codeGrant(code())
	clock.advance(time.Minute)
	if _, body := post(t, base+"/token", late); body["error"] != "invalid_grant" {
		t.Errorf("after a minute: %v", body)
	}
	form := codeGrant(code())
	_, tokens := post(t, base+"/token", form)
	_, again := post(t, base+"/token", form)
	if again["error"] != "invalid_grant" || s.AccessTokenValid(tokens["access_token"].(string)) {
		t.Errorf("second use: %v; what the first one gave must have ended (RFC 6749 section 4.1.2)", again)
	}
}

func TestClientAuthenticationIsTheRegisteredOne(t *testing.T) {
	t.Parallel()
	_, base, _ := start(t, authserver.Config{})
	post2 := url.Values{"client_id": {"post"}, "client_secret": {"secret"}}
	tests := []struct {
		name   string
		form   url.Values
		basic  []string
		status int
		code   string
	}{
		{"post", post2, nil, 400, "invalid_request"}, // authenticated: grant_type is what is missing
		{"post as basic", url.Values{}, []string{"post", "secret"}, 401, "invalid_client"},
		{"basic", url.Values{}, []string{"basic", "s+e%3Acret"}, 400, "invalid_request"},
		{"basic not form-encoded", url.Values{}, []string{"basic", "s e:cre%t"}, 400, "invalid_request"},
		{"basic as post", url.Values{"client_id": {"basic"}, "client_secret": {"s e:cret"}}, nil, 401, "invalid_client"},
		{"two methods", post2, []string{"post", "secret"}, 400, "invalid_request"},
		{"wrong secret", url.Values{"client_id": {"post"}, "client_secret": {"x"}}, nil, 401, "invalid_client"},
		{"no secret", url.Values{"client_id": {"post"}}, nil, 401, "invalid_client"},
		{"public", url.Values{"client_id": {"public"}, "grant_type": {"password"}}, nil, 400, "unsupported_grant_type"},
	}
	for _, tt := range tests {
		resp, body := post(t, base+"/token", tt.form, tt.basic...)
		if resp.StatusCode != tt.status || body["error"] != tt.code {
			t.Errorf("%s: %d %v, want %d %s", tt.name, resp.StatusCode, body, tt.status, tt.code)
		}
	}
}

// What servers do: six refreshes with one token, then one with the first and last successor.
func TestRotationPoliciesDifferAsServersDo(t *testing.T) {
	t.Parallel()
	const six = 6
	tests := []struct {
		policy       authserver.Rotation
		good         int  // of six refreshes with the same token
		firstLives   bool // the successor of the first
		lastLives    bool // the successor of the last good one
		afterGrace   int  // of one more refresh with the same token, later
		repeatsToken bool // answers hold a refresh token
	}{
		{authserver.RotateStrict, 1, false, false, 0, true},
		{authserver.RotateGrace, six, true, true, 0, true},
		{authserver.RotateRefuse, 1, true, true, 0, true},
		{authserver.RotateOnlyLastLives, six, false, true, 0, true},
		{authserver.NoRotation, six, true, true, 1, false},
	}
	for _, tt := range tests {
		s, base, clock := start(t, authserver.Config{Rotation: tt.policy, Grace: 5 * time.Second})
		token := s.Issue("public", "read").RefreshToken
		var successors []string
		for range six {
			resp, body := post(t, base+"/token", refreshGrant(token))
			if resp.StatusCode != http.StatusOK {
				continue
			}
			next, repeated := body["refresh_token"].(string)
			if repeated != tt.repeatsToken {
				t.Errorf("%s: refresh_token %q", tt.policy, next)
			}
			if !repeated {
				next = token
			}
			successors = append(successors, next)
		}
		if len(successors) != tt.good {
			t.Errorf("%s: %d of six succeeded, want %d", tt.policy, len(successors), tt.good)
			continue
		}
		first, last := successors[0], successors[len(successors)-1]
		if got := s.RefreshTokenValid(last); got != tt.lastLives {
			t.Errorf("%s: last successor valid: %t", tt.policy, got)
		}
		if got := s.RefreshTokenValid(first); got != tt.firstLives {
			t.Errorf("%s: first successor valid: %t", tt.policy, got)
		}
		for _, r := range []struct {
			token string
			want  bool
		}{{last, tt.lastLives}, {first, tt.firstLives && tt.policy != authserver.RotateOnlyLastLives}} {
			resp, _ := post(t, base+"/token", refreshGrant(r.token))
			if got := resp.StatusCode == http.StatusOK; got != r.want && tt.good != 1 {
				t.Errorf("%s: refresh with a successor: %t, want %t", tt.policy, got, r.want)
			}
		}
		clock.advance(6 * time.Second)
		resp, _ := post(t, base+"/token", refreshGrant(token))
		if got := resp.StatusCode == http.StatusOK; got != (tt.afterGrace == 1) {
			t.Errorf("%s: the old token after the grace: %d", tt.policy, resp.StatusCode)
		}
	}
}

func TestRefreshMayKillTheOldAccessToken(t *testing.T) {
	t.Parallel()
	for _, kill := range []bool{false, true} {
		s, base, _ := start(t, authserver.Config{KillOldAccessToken: kill})
		old := s.Issue("public")
		_, body := post(t, base+"/token", refreshGrant(old.RefreshToken))
		if s.AccessTokenValid(old.AccessToken) == kill || !s.AccessTokenValid(body["access_token"].(string)) {
			t.Errorf("kill %t: old valid %t", kill, s.AccessTokenValid(old.AccessToken))
		}
	}
}

func TestRefreshNeverWidensTheScope(t *testing.T) {
	t.Parallel()
	s, base, _ := start(t, authserver.Config{Rotation: authserver.NoRotation})
	token := s.Issue("public", "read", "write").RefreshToken
	for asked, want := range map[string]string{"": "read write", "read": "read"} {
		form := refreshGrant(token)
		form.Set("scope", asked)
		if _, body := post(t, base+"/token", form); body["scope"] != want {
			t.Errorf("asked for %q: %v", asked, body)
		}
	}
	form := refreshGrant(token)
	form.Set("scope", "read admin")
	if _, body := post(t, base+"/token", form); body["error"] != "invalid_scope" {
		t.Errorf("wider: %v", body)
	}
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	s, base, clock := start(t, authserver.Config{AccessTokenLifetime: time.Minute, RefreshTokenLifetime: time.Hour})
	tokens := s.Issue("public")
	clock.advance(time.Minute)
	if s.AccessTokenValid(tokens.AccessToken) || !s.RefreshTokenValid(tokens.RefreshToken) {
		t.Error("after a minute the access token is dead and the refresh token alive")
	}
	clock.advance(time.Hour)
	if _, body := post(t, base+"/token", refreshGrant(tokens.RefreshToken)); body["error"] != "invalid_grant" {
		t.Errorf("after an hour: %v", body)
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	s, base, _ := start(t, authserver.Config{})
	a, b := s.Issue("public"), s.Issue("public")
	revoke := func(token, client string) int {
		resp, _ := post(t, base+"/revoke", url.Values{"token": {token}, "client_id": {client}})
		return resp.StatusCode
	}
	if got := revoke("unknown", "public"); got != http.StatusOK {
		t.Errorf("unknown token: %d", got)
	}
	if got := revoke(a.RefreshToken, "post"); got != http.StatusUnauthorized || !s.RefreshTokenValid(a.RefreshToken) {
		t.Errorf("another client without its secret: %d", got)
	}
	if revoke(a.RefreshToken, "public"); s.RefreshTokenValid(a.RefreshToken) || s.AccessTokenValid(a.AccessToken) {
		t.Error("the refresh token stands for the whole grant")
	}
	if revoke(b.AccessToken, "public"); s.AccessTokenValid(b.AccessToken) || !s.RefreshTokenValid(b.RefreshToken) {
		t.Error("the access token stands for itself")
	}
}

func TestResourceWantsAGoodToken(t *testing.T) {
	t.Parallel()
	s, _, _ := start(t, authserver.Config{})
	api := s.Resource(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	token := s.Issue("public", "read").AccessToken
	ask := func(authorization string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/me", nil)
		r.Header.Set("Authorization", authorization)
		api.ServeHTTP(w, r)
		return w
	}
	for authorization, want := range map[string]int{
		"": 401, "Bearer x": 401, "Basic " + token: 401, "Bearer " + token: 200, "bearer " + token: 200,
	} {
		w := ask(authorization)
		if w.Code != want {
			t.Errorf("%q: %d", authorization, w.Code)
		}
		sent := strings.HasPrefix(authorization, "Bearer x")
		if challenge := w.Header().Get("WWW-Authenticate"); strings.Contains(challenge, "invalid_token") != sent {
			t.Errorf("%q: challenge %q", authorization, challenge)
		}
	}
	s.RevokeAccessTokens()
	if ask("Bearer "+token).Code != 401 {
		t.Error("a revoked token was accepted")
	}
}

func TestUserActions(t *testing.T) {
	t.Parallel()
	s, base, _ := start(t, authserver.Config{})
	tokens := s.Issue("public")
	s.RevokeAll()
	if s.RefreshTokenValid(tokens.RefreshToken) || s.AccessTokenValid(tokens.AccessToken) {
		t.Error("RevokeAll left something alive")
	}
	if !s.SetClientSecret("post", "new") || s.SetClientSecret("nobody", "new") {
		t.Error("SetClientSecret reports the wrong clients")
	}
	old := url.Values{"client_id": {"post"}, "client_secret": {"secret"}, "grant_type": {"refresh_token"}}
	if resp, _ := post(t, base+"/token", old); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the old secret: %d", resp.StatusCode)
	}
}

func TestSettingsChangeWhileServing(t *testing.T) {
	t.Parallel()
	s, base, _ := start(t, authserver.Config{})
	s.SetConsent(authserver.ConsentDeny)
	resp, _ := get(t, base+"/authorize?"+authorizeQuery().Encode())
	if got := location(t, resp).Get("error"); got != "access_denied" {
		t.Errorf("consent: %q", got)
	}
	s.SetAccessTokenLifetime(90 * time.Second)
	s.Inject(authserver.Unavailable(0))
	s.ClearFaults()
	_, body := post(t, base+"/token", refreshGrant(s.Issue("public").RefreshToken))
	if body["expires_in"] != 90.0 {
		t.Errorf("answer: %v", body)
	}
}

func TestAwaitTokenRequestsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, _, _ := start(t, authserver.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.AwaitTokenRequests(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRequestsAreRecorded(t *testing.T) {
	t.Parallel()
	s, base, _ := start(t, authserver.Config{})
	s.Inject(authserver.OAuthError(400, "invalid_grant"), authserver.Unavailable(7*time.Second))
	token := s.Issue("public").RefreshToken
	for range 3 {
		post(t, base+"/token", refreshGrant(token))
	}
	if s.TokenRequests() != 3 || s.TokenRequests("refresh_token") != 3 || s.TokenRequests("authorization_code") != 0 {
		t.Errorf("counted %d", s.TokenRequests())
	}
	var faults []string
	for _, r := range s.Requests() {
		faults = append(faults, r.Fault)
		if r.Form.Get("refresh_token") != token || r.ClientID != "public" {
			t.Errorf("recorded %+v", r)
		}
	}
	if got := strings.Join(faults, ","); got != "invalid_grant,status 503," {
		t.Errorf("faults %q", got)
	}
}

// Faults are tested with the client they are made for, in package oauth; here is what a server's state tells of them.
func TestFaultsBeforeAndAfterProcessing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault     authserver.Fault
		processed bool
	}{
		{authserver.ResetBefore(), false},
		{authserver.ResetAfter(), true},
		{authserver.TruncateAfter(), true},
		{authserver.HalfJSON(), true},
		{authserver.HTML(), false},
		{authserver.ErrorIn200("x"), false},
		{authserver.OmitRefreshToken(), true},
		{authserver.FormEncoded(), true},
		{authserver.Redirect("/"), false},
	} {
		s, base, _ := start(t, authserver.Config{Rotation: authserver.RotateRefuse})
		s.Inject(tt.fault)
		token := s.Issue("public").RefreshToken
		resp, err := http.PostForm(base+"/token", refreshGrant(token))
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if s.RefreshTokenValid(token) == tt.processed {
			t.Errorf("%s: processed must be %t", tt.fault, tt.processed)
		}
	}
}
