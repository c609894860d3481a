package oauth

import (
	"net/url"
	"strings"
	"testing"

	"authsome"
)

func TestVerifier_7636_1_RandomAndLongEnough(t *testing.T) {
	t.Parallel()
	a, b := NewVerifier(), NewVerifier()
	if len(a.Reveal()) != 43 || a.Equal(b) || strings.Trim(a.Reveal(), unreserved) != "" {
		t.Errorf("verifiers of %d characters", len(a.Reveal()))
	}
	if s := NewState(); len(s) != 43 || s == NewState() {
		t.Errorf("state %q", s)
	}
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// The example of RFC 7636 appendix B.
func TestChallenge_7636_1_S256(t *testing.T) {
	t.Parallel()
	got := Challenge(authsome.NewSecret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
	if want := "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"; got != want {
		t.Errorf("challenge %s, want %s", got, want)
	}
}

func TestAuthorizationURL(t *testing.T) {
	t.Parallel()
	verifier := NewVerifier()
	req := AuthorizationRequest{RedirectURI: redirectURI, State: "st", Verifier: verifier, Scopes: []string{"a", "b"}}
	base := url.Values{
		"response_type": {"code"}, "client_id": {"id"}, "redirect_uri": {redirectURI}, "state": {"st"},
		"code_challenge": {Challenge(verifier)}, "code_challenge_method": {"S256"}, "scope": {"a b"},
	}
	tests := []struct {
		name     string
		provider authsome.OAuth
		want     map[string]string // on top of base; empty: absent
	}{
		{"plain", authsome.OAuth{}, nil},
		{
			"parameters of the definition",
			authsome.OAuth{AuthorizeParams: map[string]string{"access_type": "offline"}},
			map[string]string{"access_type": "offline"},
		},
		{
			"own parameters win",
			authsome.OAuth{AuthorizeParams: map[string]string{"state": "x", "prompt": ""}},
			map[string]string{"prompt": ""},
		},
		{"separator", authsome.OAuth{ScopeSeparator: ","}, map[string]string{"scope": "a,b"}},
		{
			"scope parameter",
			authsome.OAuth{ScopeParam: "user_scope"},
			map[string]string{"scope": "", "user_scope": "a b"},
		},
		{
			"resource (8707-1)",
			authsome.OAuth{Resource: "https://api.test/mcp"},
			map[string]string{"resource": "https://api.test/mcp"},
		},
		{
			"query in the endpoint",
			authsome.OAuth{AuthorizationURL: "https://as.test/authorize?tenant=1"},
			map[string]string{"tenant": "1"},
		},
	}
	for _, tt := range tests {
		if tt.provider.AuthorizationURL == "" {
			tt.provider.AuthorizationURL = "https://as.test/authorize"
		}
		got, err := (&Client{Provider: tt.provider, ClientID: "id"}).AuthorizationURL(req)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		u, _ := url.Parse(got)
		want := url.Values{}
		for k, v := range base {
			want[k] = v
		}
		for k, v := range tt.want {
			if want.Set(k, v); v == "" {
				want.Del(k)
			}
		}
		if u.Query().Encode() != want.Encode() {
			t.Errorf("%s: %s\nwant %s", tt.name, u.Query().Encode(), want.Encode())
		}
		if strings.Contains(got, "+") || strings.Contains(got, verifier.Reveal()) {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

func TestAuthorizationURLWithoutPKCE(t *testing.T) {
	t.Parallel()
	c := &Client{Provider: authsome.OAuth{AuthorizationURL: "https://as.test/a"}, ClientID: "id"}
	got, err := c.AuthorizationURL(AuthorizationRequest{RedirectURI: redirectURI, State: "st"})
	if err != nil || strings.Contains(got, "code_challenge") || strings.Contains(got, "scope") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAuthorizationURLRefusesWhatIsUnsafe(t *testing.T) {
	t.Parallel()
	good := AuthorizationRequest{RedirectURI: redirectURI, State: "st"}
	for endpoint, req := range map[string]AuthorizationRequest{
		"http://as.test/a":      good,
		"http://127.0.0.1.x/a":  good,
		"ftp://as.test/a":       good,
		"":                      good,
		"/a":                    good,
		"https://as.test/a":     {RedirectURI: redirectURI},
		"https://as.test/other": {State: "st"},
	} {
		c := &Client{Provider: authsome.OAuth{AuthorizationURL: endpoint}, ClientID: "id"}
		if got, err := c.AuthorizationURL(req); err == nil {
			t.Errorf("%q: %s", endpoint, got)
		}
	}
}

func TestParseRedirect(t *testing.T) {
	t.Parallel()
	const issuer = "https://as.test"
	tests := []struct {
		name, query string
		issuer      string
		issRequired bool
		code        string // empty: refused
		reason      string
		errorCode   string
	}{
		{name: "good", query: "code=c&state=st", code: "c"},
		{name: "unknown parameters are ignored (6749-5)", query: "code=c&state=st&x=1&scope=a", code: "c"},
		{name: "code with special characters", query: "code=4%2F0Ab&state=st", code: "4/0Ab"},
		{name: "no state (6749-5)", query: "code=c", reason: "state mismatch"},
		{name: "other state", query: "code=c&state=stx", reason: "state mismatch"},
		{name: "state twice", query: "code=c&state=st&state=st", reason: "state mismatch"},
		{name: "error with other state is not shown", query: "error=access_denied&state=x", reason: "state mismatch"},
		{name: "iss (9207-1)", query: "code=c&state=st&iss=https://as.test", issuer: issuer, code: "c"},
		{name: "iss absent, not required", query: "code=c&state=st", issuer: issuer, code: "c"},
		{
			name: "iss absent, required", query: "code=c&state=st", issuer: issuer, issRequired: true,
			reason: "issuer mismatch",
		},
		{
			name: "iss differs by a slash", query: "code=c&state=st&iss=https://as.test/", issuer: issuer,
			reason: "issuer mismatch",
		},
		{
			name: "iss twice", query: "code=c&state=st&iss=https://as.test&iss=https://evil.test", issuer: issuer,
			reason: "issuer mismatch",
		},
		{name: "iss empty", query: "code=c&state=st&iss=", issuer: issuer, reason: "issuer mismatch"},
		{
			name: "error of another issuer is not shown", query: "error=e&state=st&iss=https://evil.test", issuer: issuer,
			reason: "issuer mismatch",
		},
		{name: "iss of an unknown issuer", query: "code=c&state=st&iss=https://as.test", code: "c"},
		{
			name: "iss required of an unknown issuer", query: "code=c&state=st&iss=", issRequired: true,
			reason: "issuer mismatch",
		},
		{
			name: "denied", query: "error=access_denied&error_description=no&state=st", reason: "access_denied",
			errorCode: "access_denied",
		},
		{
			name: "denied with iss", query: "error=access_denied&state=st&iss=https://as.test", issuer: issuer,
			reason: "access_denied", errorCode: "access_denied",
		},
		{name: "empty error", query: "error=&state=st", reason: "refused without a reason"},
		{name: "error with control characters", query: "error=a%0d%0ab&state=st", reason: "a  b", errorCode: "a  b"},
		{name: "code twice", query: "code=c&code=d&state=st", reason: "no usable code in the redirect URL"},
		{name: "no code", query: "state=st", reason: "no usable code in the redirect URL"},
		{name: "control character in the code", query: "code=c%00&state=st", reason: "no usable code in the redirect URL"},
		{name: "malformed", query: "code=%zz&state=st", reason: "the redirect URL is malformed"},
	}
	for _, tt := range tests {
		code, err := ParseRedirect(" "+redirectURI+"?"+tt.query+"\n", "st", tt.issuer, tt.issRequired)
		if tt.code != "" {
			if err != nil || code.Reveal() != tt.code {
				t.Errorf("%s: %q, %v", tt.name, code.Reveal(), err)
			}
			continue
		}
		e := asError(t, err)
		if e.Reason != tt.reason || e.Code != tt.errorCode || !code.IsZero() {
			t.Errorf("%s: reason %q, code %q; want %q, %q", tt.name, e.Reason, e.Code, tt.reason, tt.errorCode)
		}
		if tt.errorCode == "" && e.Description != "" {
			t.Errorf("%s: description %q", tt.name, e.Description)
		}
	}
}

func TestParseRedirectWithoutExpectedStateRefusesEverything(t *testing.T) {
	t.Parallel()
	for _, q := range []string{"code=c&state=", "code=c"} {
		if _, err := ParseRedirect(redirectURI+"?"+q, "", "", false); err == nil {
			t.Errorf("%s was taken", q)
		}
	}
}

func FuzzParseRedirect(f *testing.F) {
	for _, q := range []string{"code=c&state=st", "error=e&state=st&iss=x", "code=%zz", "state=st&code=a;b", "#code=c"} {
		f.Add(redirectURI+"?"+q, "https://as.test", true)
	}
	f.Fuzz(func(t *testing.T, redirect, issuer string, required bool) {
		const state = "a-state-that-is-not-guessed"
		code, err := ParseRedirect(redirect, state, issuer, required)
		if (err == nil) == code.IsZero() {
			t.Fatalf("code zero: %t, error %v", code.IsZero(), err)
		}
		if err == nil && !strings.Contains(redirect, "state") {
			t.Fatalf("%q was taken without a state", redirect)
		}
		if err != nil && asError(t, err).Reason == "" {
			t.Fatal("no reason")
		}
	})
}
