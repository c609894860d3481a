package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/internal/oauth"
)

const redirect = "http://127.0.0.1:4321/callback"

func startServer(t *testing.T, config authserver.Config) (*authserver.Server, *oauth.Client) {
	t.Helper()
	config.Clients = []authserver.Client{{
		ID: "the client", Secret: "s/e c:ret", Auth: authserver.ClientAuthBasic,
		RedirectURIs: []string{"http://127.0.0.1/callback"},
	}}
	s := authserver.New(config)
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	return s, &oauth.Client{
		ClientID: "the client", ClientSecret: authsome.NewSecret("s/e c:ret"),
		Provider: authsome.OAuth{
			Issuer: ts.URL, AuthorizationURL: ts.URL + authserver.PathAuthorize, TokenURL: ts.URL + authserver.PathToken,
			RevocationURL: ts.URL + authserver.PathRevoke, ClientAuth: authsome.ClientAuthBasic,
		},
	}
}

// visit does what a browser does, up to the redirect.
func visit(t *testing.T, target string) string {
	t.Helper()
	browser := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := browser.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Header.Get("Location")
}

func TestLoginRefreshRevokeAgainstARealServer(t *testing.T) {
	t.Parallel()
	s, c := startServer(t, authserver.Config{Consent: authserver.ConsentApprove, AccessTokenLifetime: time.Minute})
	verifier, state := oauth.NewVerifier(), oauth.NewState()
	target, err := c.AuthorizationURL(oauth.AuthorizationRequest{
		RedirectURI: redirect, State: state, Verifier: verifier, Scopes: []string{"read", "write"},
	})
	if err != nil {
		t.Fatal(err)
	}
	code, err := oauth.ParseRedirect(visit(t, target), state, c.Provider.Issuer, true)
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.Exchange(t.Context(), code, redirect, verifier)
	if err != nil {
		t.Fatal(err)
	}
	if first.Lifetime != time.Minute || len(first.Scopes) != 2 || !s.AccessTokenValid(first.AccessToken.Reveal()) {
		t.Errorf("%+v", first)
	}
	second, err := c.Refresh(t.Context(), first.RefreshToken)
	if err != nil || second.AccessToken.Equal(first.AccessToken) || second.RefreshToken.Equal(first.RefreshToken) {
		t.Errorf("%+v, %v", second, err)
	}
	err = c.Revoke(t.Context(), oauth.LoginTokens{
		AccessToken: second.AccessToken, RefreshToken: second.RefreshToken,
	})
	if err != nil || s.AccessTokenValid(second.AccessToken.Reveal()) || s.RefreshTokenValid(second.RefreshToken.Reveal()) {
		t.Errorf("revoke: %v", err)
	}
	if _, err := c.Refresh(t.Context(), second.RefreshToken); reason(err) != "grant: invalid_grant" {
		t.Errorf("refresh after revocation: %v", err)
	}
}

func TestLoginRefusedByThePerson(t *testing.T) {
	t.Parallel()
	_, c := startServer(t, authserver.Config{Consent: authserver.ConsentDeny})
	target, err := c.AuthorizationURL(oauth.AuthorizationRequest{
		RedirectURI: redirect, State: "st", Verifier: oauth.NewVerifier(),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = oauth.ParseRedirect(visit(t, target), "st", c.Provider.Issuer, true)
	var e *oauth.Error
	if !errors.As(err, &e) || e.Code != "access_denied" {
		t.Errorf("%v", err)
	}
}

func reason(err error) string {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return string(e.Class) + ": " + e.Reason
}

func TestEveryFaultHasItsClass(t *testing.T) {
	t.Parallel()
	const ok = "<nil>"
	tests := []struct {
		fault  authserver.Fault
		want   string
		wasted bool // the refresh token has been used up
	}{
		{authserver.OAuthError(400, "invalid_grant"), "grant: invalid_grant", false},
		{authserver.OAuthError(403, "invalid_grant"), "grant: invalid_grant", false},
		{authserver.OAuthError(401, "invalid_client"), "client: invalid_client", false},
		{authserver.OAuthError(400, "expired_token"), "grant: expired_token", false},
		{authserver.OAuthError(500, "server_error"), "transient: server error (HTTP 500)", false},
		{authserver.Unavailable(7 * time.Second), "transient: server error (HTTP 503)", false},
		{authserver.RateLimited(7 * time.Second), "transient: rate limited (HTTP 429)", false},
		{authserver.Redirect("/elsewhere"), "transient: unexpected redirect (HTTP 302)", false},
		{authserver.ErrorIn200("bad_refresh_token"), "grant: bad_refresh_token", false},
		{authserver.NotOK("token_revoked"), "grant: token_revoked", false},
		{authserver.HTML(), "ambiguous: unreadable answer (HTTP 200, text/html)", false},
		{authserver.ResetBefore(), "ambiguous: connection reset", false},
		{authserver.ResetAfter(), "ambiguous: connection reset", true},
		{authserver.TruncateAfter(), "ambiguous: connection closed", true},
		{authserver.HalfJSON(), "ambiguous: unreadable answer (HTTP 200, application/json)", true},
		{authserver.FormEncoded(), ok, true},
		{authserver.ExpiresIn(nil), ok, true},
		{authserver.ExpiresIn("3600"), ok, true},
		{authserver.ExpiresIn(3599.5), ok, true},
		{authserver.ExpiresIn(-1), ok, true},
		{authserver.ExpiresIn(0), ok, true},
		{authserver.OmitExpiresIn(), ok, true},
		{authserver.OmitRefreshToken(), ok, true},
		{authserver.Delay(time.Microsecond), ok, true},
	}
	for _, tt := range tests {
		s, c := startServer(t, authserver.Config{})
		token := s.Issue("the client").RefreshToken
		s.Inject(tt.fault)
		answer, err := c.Refresh(t.Context(), authsome.NewSecret(token))
		if got := reason(err); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.fault, got, tt.want)
		}
		if err == nil && !s.AccessTokenValid(answer.AccessToken.Reveal()) {
			t.Errorf("%s: not a good token", tt.fault)
		}
		if s.RefreshTokenValid(token) == tt.wasted || s.TokenRequests("refresh_token") != 1 {
			t.Errorf("%s: wasted %t, after %d requests", tt.fault, !s.RefreshTokenValid(token), s.TokenRequests())
		}
	}
}

func TestHangIsEndedByTheClientOrReleased(t *testing.T) {
	t.Parallel()
	for _, fault := range []authserver.Fault{authserver.Hang(), authserver.HangAfter(), authserver.Delay(time.Hour)} {
		s, c := startServer(t, authserver.Config{})
		token := authsome.NewSecret(s.Issue("the client").RefreshToken)
		s.Inject(fault)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := c.Refresh(ctx, token)
			done <- err
		}()
		if err := s.AwaitTokenRequests(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		cancel()
		if got := reason(<-done); got != "ambiguous: cancelled" {
			t.Errorf("%s: %s", fault, got)
		}
		s.Inject(fault)
		token = authsome.NewSecret(s.Issue("the client").RefreshToken)
		go func() {
			_, err := c.Refresh(t.Context(), token)
			done <- err
		}()
		if err := s.AwaitTokenRequests(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		s.Release()
		if err := <-done; err != nil {
			t.Errorf("%s, released: %v", fault, err)
		}
	}
}
