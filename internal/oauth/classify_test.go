package oauth

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"authsome"
)

// What servers answer, the class it belongs to, and what is printed.
func TestClassify_2_1(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		body   string
		errMap map[string]string
		class  Class
		code   string
		reason string
	}{
		// dead grant, with any status
		{400, `{"error":"invalid_grant"}`, nil, ClassGrant, "invalid_grant", "invalid_grant"},
		{401, `{"error":"invalid_grant"}`, nil, ClassGrant, "invalid_grant", "invalid_grant"},
		{403, `{"error":"invalid_grant"}`, nil, ClassGrant, "invalid_grant", "invalid_grant"},
		{404, `{"error":"invalid_grant"}`, nil, ClassGrant, "invalid_grant", "invalid_grant"},
		{400, `{"error":"expired_token"}`, nil, ClassGrant, "expired_token", "expired_token"},
		{200, `{"error":"bad_refresh_token"}`, nil, ClassGrant, "bad_refresh_token", "bad_refresh_token"},
		{200, `{"ok":false,"error":"token_revoked"}`, nil, ClassGrant, "token_revoked", "token_revoked"},
		{
			200, `{"ok":false,"error":"invalid_refresh_token"}`, nil, ClassGrant, "invalid_refresh_token",
			"invalid_refresh_token",
		},
		{401, `{"error":"invalid_token"}`, nil, ClassGrant, "invalid_token", "invalid_token"},
		{200, `{"error":"invalid_code"}`, nil, ClassGrant, "invalid_code", "invalid_code"},
		{400, `{"error":"interaction_required"}`, nil, ClassGrant, "interaction_required", "interaction_required"},
		{200, `error=bad_refresh_token&error_description=x`, nil, ClassGrant, "bad_refresh_token", "bad_refresh_token"},
		// dead client
		{401, `{"error":"invalid_client"}`, nil, ClassClient, "invalid_client", "invalid_client"},
		{400, `{"error":"unauthorized_client"}`, nil, ClassClient, "unauthorized_client", "unauthorized_client"},
		{
			200, `{"error":"incorrect_client_credentials"}`, nil, ClassClient, "incorrect_client_credentials",
			"incorrect_client_credentials",
		},
		{200, `{"ok":false,"error":"bad_client_secret"}`, nil, ClassClient, "bad_client_secret", "bad_client_secret"},
		// our fault
		{400, `{"error":"invalid_request"}`, nil, ClassRequest, "invalid_request", "invalid_request"},
		{400, `{"error":"invalid_scope"}`, nil, ClassRequest, "invalid_scope", "invalid_scope"},
		{400, `{"error":"invalid_target"}`, nil, ClassRequest, "invalid_target", "invalid_target"},
		{400, `{"error":"unsupported_grant_type"}`, nil, ClassRequest, "unsupported_grant_type", "unsupported_grant_type"},
		{404, `not found`, nil, ClassRequest, "", "HTTP 404"},
		{405, ``, nil, ClassRequest, "", "HTTP 405"},
		{415, `{}`, nil, ClassRequest, "", "HTTP 415"},
		{401, `<html>who are you</html>`, nil, ClassRequest, "", "HTTP 401"},
		{400, `{"error":"nobody_knows"}`, nil, ClassRequest, "nobody_knows", "nobody_knows"},
		{400, `{"error_description":"invalid_grant: token revoked"}`, nil, ClassRequest, "", "HTTP 400"},
		{200, `{"ok":false}`, nil, ClassRequest, "not_ok", "not_ok"},
		{200, `{"error":17}`, nil, ClassRequest, "unknown_error", "unknown_error"},
		{
			400, `{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"m"}}`, nil, ClassRequest, "INVALID_ARGUMENT",
			"INVALID_ARGUMENT",
		},
		// the definition knows better
		{
			400, `{"error":"invalid_request"}`,
			map[string]string{"invalid_request": "grant"},
			ClassGrant, "invalid_request",
			"invalid_request",
		},
		{
			400, `{"status":"BAD_REFRESH_TOKEN","message":"m"}`,
			map[string]string{"BAD_REFRESH_TOKEN": "grant"},
			ClassGrant,
			"BAD_REFRESH_TOKEN", "BAD_REFRESH_TOKEN",
		},
		{
			404, `{"error":{"type":"not_found_error"}}`,
			map[string]string{"not_found_error": "grant"},
			ClassGrant,
			"not_found_error", "not_found_error",
		},
		{
			200, `{"ok":false,"error":"ratelimited"}`,
			map[string]string{"ratelimited": "transient"},
			ClassTransient,
			"ratelimited", "ratelimited",
		},
		{
			400, `{"error":"invalid_grant"}`,
			map[string]string{"invalid_grant": "client"},
			ClassClient, "invalid_grant",
			"invalid_grant",
		},
		// transient, whatever else the answer says
		{408, ``, nil, ClassTransient, "", "HTTP 408"},
		{425, ``, nil, ClassTransient, "", "HTTP 425"},
		{429, ``, nil, ClassTransient, "", "rate limited (HTTP 429)"},
		{429, `{"error":"invalid_grant"}`, nil, ClassTransient, "invalid_grant", "rate limited (HTTP 429)"},
		{500, `{"error":"invalid_grant"}`, nil, ClassTransient, "invalid_grant", "server error (HTTP 500)"},
		{
			500, `{"error":"invalid_grant"}`,
			map[string]string{"invalid_grant": "grant"},
			ClassTransient, "invalid_grant",
			"server error (HTTP 500)",
		},
		{503, `<html>`, nil, ClassTransient, "", "server error (HTTP 503)"},
		{400, `{"error":"server_error"}`, nil, ClassTransient, "server_error", "server_error"},
		{
			400, `{"error":"temporarily_unavailable"}`, nil, ClassTransient, "temporarily_unavailable",
			"temporarily_unavailable",
		},
		{302, `{"error":"invalid_grant"}`, nil, ClassTransient, "invalid_grant", "unexpected redirect (HTTP 302)"},
		{304, ``, nil, ClassTransient, "", "unexpected redirect (HTTP 304)"},
		// ambiguous
		{502, `{"error":"invalid_grant"}`, nil, ClassAmbiguous, "invalid_grant", "server error (HTTP 502)"},
		{504, ``, nil, ClassAmbiguous, "", "server error (HTTP 504)"},
		{520, ``, nil, ClassAmbiguous, "", "server error (HTTP 520)"},
		{200, `<html>`, nil, ClassAmbiguous, "", "unreadable answer (HTTP 200, text/html)"},
		{200, `{"access_token":"a`, nil, ClassAmbiguous, "", "unreadable answer (HTTP 200, text/html)"},
		{204, ``, nil, ClassAmbiguous, "", "unreadable answer (HTTP 204, text/html)"},
		{200, `{}`, nil, ClassAmbiguous, "", "no access token in the answer (HTTP 200)"},
	}
	for _, tt := range tests {
		c := newClient(answering(t, tt.status, "text/html", tt.body).URL)
		c.Provider.ErrorMap = tt.errMap
		_, err := refresh(t, c)
		e := asError(t, err)
		if e.Class != tt.class || e.Code != tt.code || e.Reason != tt.reason || e.Status != tt.status {
			t.Errorf("%d %s: %s, code %q, reason %q, status %d; want %s, %q, %q", tt.status, tt.body,
				e.Class, e.Code, e.Reason, e.Status, tt.class, tt.code, tt.reason)
		}
		if got := e.Error(); got != "refresh request: "+tt.reason {
			t.Errorf("%d %s: %q", tt.status, tt.body, got)
		}
	}
}

func TestErrorKeepsTheServersDescription(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":"x","error_description":"Token\r\n\u001b[31mgone"}`: "Token   [31mgone",
		`{"error":"x","message":"m"}`:                                 "m",
		`{"error":{"code":"x","message":"m"}}`:                        "m",
		`{"error":"x","error_description":{}}`:                        "",
	} {
		_, err := refresh(t, newClient(answering(t, 400, "application/json", body).URL))
		if e := asError(t, err); e.Description != want || e.Code != "x" {
			t.Errorf("%s: %q", body, e.Description)
		}
	}
	huge := `{"error":"x","error_description":"` + strings.Repeat("ä", maxShort) + `"}`
	_, err := refresh(t, newClient(answering(t, 400, "application/json", huge).URL))
	if got := len(asError(t, err).Description); got > maxShort+3 {
		t.Errorf("%d bytes of description", got)
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "-5": 0, "soon": 0, "99999999999": 24 * time.Hour,
		start.Add(time.Minute).Format(http.TimeFormat):   time.Minute,
		start.Add(-time.Minute).Format(http.TimeFormat):  0,
		start.AddDate(9, 0, 0).Format(http.TimeFormat):   24 * time.Hour,
		"Sunday, 01-Nov-26 12:00:30 GMT":                 30 * time.Second, // RFC 850, obsolete but legal
		start.Add(time.Second).Format(time.RFC3339):      0,
		start.Add(time.Minute).UTC().Format(time.RFC822): 0,
	} {
		if got := parseRetryAfter(field, start); got != want {
			t.Errorf("%q: %s, want %s", field, got, want)
		}
	}
}

func TestErrorCarriesRetryAfter(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"error":"invalid_grant"}`, "<html>"} {
		u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(body))
		})
		_, err := refresh(t, newClient(u.URL))
		if e := asError(t, err); e.RetryAfter != 17*time.Second {
			t.Errorf("%s: %s", body, e.RetryAfter)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"1", "-1", "Sun, 01 Nov 2026 12:00:00 GMT", "1e9", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := parseRetryAfter(s, start); d < 0 || d > maxRetryAfter {
			t.Fatalf("%q: %s", s, d)
		}
	})
}

func TestRevocationStyles(t *testing.T) {
	t.Parallel()
	const basic, plainBasic = "Basic Y2xpZW50K2lkOnMlMkZlK2MlM0FyZXQlMkIx", "Basic Y2xpZW50IGlkOnMvZSBjOnJldCsx"
	const auth = "client_id=client+id&client_secret=s%2Fe+c%3Aret%2B1"
	tests := []struct {
		style                authsome.RevocationStyle
		clientAuth           authsome.ClientAuth
		url                  string
		method, path         string
		authorization, body  string
		onlyAccess, needsRef bool
	}{
		{style: "", method: "POST", path: "/revoke", body: auth + "&token=r%2Ft&token_type_hint=refresh_token"},
		{
			style: authsome.RevokeRFC7009, method: "POST", path: "/revoke", onlyAccess: true,
			body: auth + "&token=at&token_type_hint=access_token",
		},
		{
			style: authsome.RevokeRFC7009, clientAuth: authsome.ClientAuthBasic, method: "POST", path: "/revoke",
			authorization: basic, body: "token=r%2Ft&token_type_hint=refresh_token",
		},
		{style: authsome.RevokeToken, method: "POST", path: "/revoke", body: "token=r%2Ft"},
		{
			style: authsome.RevokeGitHub, url: "/applications/{client_id}/token", method: "DELETE",
			path: "/applications/client%20id/token", authorization: plainBasic, body: `{"access_token":"at"}`,
		},
		{style: authsome.RevokeBearer, method: "POST", path: "/revoke", authorization: "Bearer at"},
		{style: authsome.RevokeBearerD, method: "DELETE", path: "/revoke", authorization: "Bearer at"},
		{style: authsome.RevokeDelete, url: "/tokens/{token}", method: "DELETE", path: "/tokens/r%2Ft", needsRef: true},
		{
			style: authsome.RevokeJSON, clientAuth: authsome.ClientAuthBasic, method: "POST", path: "/revoke",
			authorization: basic, body: `{"token":"at"}`,
		},
	}
	for _, tt := range tests {
		u := answering(t, 200, "", "")
		c := newClient(u.URL)
		c.Provider.RevocationStyle, c.Provider.ClientAuth = tt.style, tt.clientAuth
		if tt.url != "" {
			c.Provider.RevocationURL = u.URL + tt.url
		}
		tokens := LoginTokens{AccessToken: authsome.NewSecret("at"), RefreshToken: authsome.NewSecret("r/t")}
		if tt.onlyAccess {
			tokens.RefreshToken = authsome.Secret{}
		}
		if err := c.Revoke(t.Context(), tokens); err != nil {
			t.Errorf("%q: %v", tt.style, err)
			continue
		}
		got := u.last(t)
		if got.method != tt.method || got.path != tt.path || got.body != tt.body ||
			got.header.Get("Authorization") != tt.authorization {
			t.Errorf("%q: %s %s %q %q", tt.style, got.method, got.path, got.header.Get("Authorization"), got.body)
		}
		if err := c.Revoke(t.Context(), LoginTokens{}); err == nil {
			t.Errorf("%q: revoked nothing", tt.style)
		}
		if tt.needsRef && c.Revoke(t.Context(), LoginTokens{AccessToken: tokens.AccessToken}) == nil {
			t.Errorf("%q: revoked without a refresh token", tt.style)
		}
	}
}

func TestRevoke_7009_2_Answers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		style  authsome.RevocationStyle
		status int
		body   string
		class  Class // empty: success
		reason string
	}{
		{"", 200, "", "", ""},
		{"", 200, "revoked", "", ""},
		{"", 200, "{}", "", ""},
		{authsome.RevokeGitHub, 204, "", "", ""},
		{authsome.RevokeBearer, 200, `{"ok":true,"revoked":true}`, "", ""},
		{authsome.RevokeBearer, 200, `{"ok":false,"error":"token_revoked"}`, "", ""},
		{authsome.RevokeBearer, 200, `{"ok":false,"error":"fatal"}`, ClassRequest, "fatal"},
		{authsome.RevokeToken, 400, `{"error":"invalid_token"}`, "", ""},
		{authsome.RevokeDelete, 404, "", "", ""},
		{authsome.RevokeBearerD, 404, "", ClassRequest, "HTTP 404"},
		{"", 503, "", ClassTransient, "server error (HTTP 503)"},
		{"", 401, `{"error":"invalid_client"}`, ClassClient, "invalid_client"},
		{"", 404, "", ClassRequest, "HTTP 404"},
		{"", 302, "", ClassTransient, "unexpected redirect (HTTP 302)"},
	}
	for _, tt := range tests {
		c := newClient(answering(t, tt.status, "application/json", tt.body).URL)
		c.Provider.RevocationURL += "/{token}"
		c.Provider.RevocationStyle = tt.style
		err := c.Revoke(t.Context(), LoginTokens{
			AccessToken: authsome.NewSecret("at"), RefreshToken: authsome.NewSecret("rt"),
		})
		if tt.class == "" {
			if err != nil {
				t.Errorf("%q %d %s: %v", tt.style, tt.status, tt.body, err)
			}
			continue
		}
		if e := asError(t, err); e.Class != tt.class || e.Reason != tt.reason {
			t.Errorf("%q %d %s: %s %q", tt.style, tt.status, tt.body, e.Class, e.Reason)
		}
	}
}

func TestRevoke_7009_1_FallsBackToTheAccessToken(t *testing.T) {
	t.Parallel()
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {})
	u.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("token_type_hint") == "refresh_token" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"unsupported_token_type"}`))
		}
	})
	c := newClient(u.URL)
	tokens := LoginTokens{AccessToken: authsome.NewSecret("at"), RefreshToken: authsome.NewSecret("rt")}
	if err := c.Revoke(t.Context(), tokens); err != nil {
		t.Error(err)
	}
	tokens.AccessToken = authsome.Secret{}
	if err := c.Revoke(t.Context(), tokens); asError(t, err).Code != "unsupported_token_type" {
		t.Error(err)
	}
}

func TestRevokeWhereThereIsNoWay(t *testing.T) {
	t.Parallel()
	c := newClient("https://as.test")
	c.Provider.RevocationStyle = authsome.RevokeNone
	for range 2 {
		if err := c.Revoke(t.Context(), LoginTokens{AccessToken: authsome.NewSecret("x")}); err == nil {
			t.Error("revoked")
		}
		c.Provider.RevocationStyle, c.Provider.RevocationURL = "", ""
	}
}
