package local_test

import (
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
)

// The refresh token of an answer has taken the place of the one that was sent, also where the access token beside it is of no
// use: whoever drops it has lost the login.
func TestRefreshTokenOfAnUnusableAnswerIsKept(t *testing.T) {
	t.Parallel()
	answers := map[string]func(body map[string]any){
		"unsupported token type mac":        func(b map[string]any) { b["token_type"] = "mac" },
		"unsupported token type":            func(b map[string]any) { b["token_type"] = 7 },
		"no access token in the answer":     func(b map[string]any) { delete(b, "access_token") },
		"control characters in the access ": func(b map[string]any) { b["access_token"] = "a\r\nb" },
	}
	for reason, change := range answers {
		w := newWorld(t, nil)
		l := w.process()
		w.login(l)
		before := w.mustToken(l)
		w.server.Inject(authserver.Edit("unusable", change))
		during := w.mustToken(l, authsome.CredentialOptions{Refresh: true})
		if !during.Value.Equal(before.Value) || during.TokenType != "Bearer" || during.Warning == nil || !strings.HasPrefix(during.Warning.Reason, reason) {
			t.Errorf("%s: got a token of the type %q, warning %v", reason, during.TokenType, during.Warning)
		}
		if n := w.refreshCalls(); n != 1 {
			t.Errorf("%s: the refresh token was sent %d times", reason, n)
		}
		w.pass(2 * time.Hour)
		after := w.mustToken(w.process())
		if w.refreshCalls() != 2 || !w.server.AccessTokenValid(after.Value.Reveal()) || after.Warning != nil {
			t.Errorf("%s: afterwards %d calls, warning %v", reason, w.refreshCalls(), after.Warning)
		}
	}
}

// A disk that is full just then takes nothing away either.
func TestRefreshTokenOfAnUnusableAnswerIsKeptForLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l, mend := w.breakVaultInRefresh()
	w.server.Inject(authserver.Edit("mac", func(b map[string]any) { b["token_type"] = "mac" }))
	w.wantUnavailable(l)
	mend()
	if c := w.mustToken(l); w.refreshCalls() != 2 || !w.server.AccessTokenValid(c.Value.Reveal()) {
		t.Errorf("%d calls", w.refreshCalls())
	}
}

// RFC 6749 section 5.1 wants a token_type in every answer. Real servers leave it out, or have words of their own.
func TestRefreshWithoutATokenTypeKeepsTheFormerOne(t *testing.T) {
	t.Parallel()
	for _, said := range []any{nil, "bearer", "user", "BOT"} {
		w := newWorld(t, nil)
		l := w.process()
		w.login(l)
		w.server.Inject(authserver.Edit("type", func(b map[string]any) { b["token_type"] = said }))
		c := w.mustToken(l, authsome.CredentialOptions{Refresh: true})
		if c.Warning != nil || c.TokenType != "Bearer" || !w.server.AccessTokenValid(c.Value.Reveal()) {
			t.Errorf("%v: a token of the type %q, warning %v", said, c.TokenType, c.Warning)
		}
	}
}

// A login that came meanwhile, from a program without the lock, is the truth: what the unusable answer brought belongs to no
// connection any more.
func TestUnusableAnswerYieldsToALogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.pass(2 * time.Hour)
	w.beforeTokenCalls(w.replaceTokens)
	w.server.Inject(authserver.Edit("mac", func(b map[string]any) { b["token_type"] = "mac" }))
	if c, err := w.token(l); err != nil || c.Warning != nil || c.Value.Reveal() != "foreign" {
		t.Errorf("got %+v, %v", c, err)
	}
}

// RFC 9449 section 5: a token that the server calls Bearer is bound to nothing. One of which it does not say is what it was.
func TestRefreshOfABoundTokenKeepsItsType(t *testing.T) {
	t.Parallel()
	for said, good := range map[string]bool{"": true, "DPoP": true, "Bearer": false} {
		w := newProtectedWorld(t, func(c *authserver.Config) { c.DPoP = true }).protect()
		l := w.process()
		ref := w.found(l)
		w.mustLogin(l, ref)
		w.server.Inject(authserver.Edit("type", func(b map[string]any) { b["token_type"] = said }))
		for _, warned := range []bool{!good, false} {
			c, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{Refresh: true})
			if err != nil || c.TokenType != "DPoP" || c.Signer == nil || (c.Warning != nil) != warned {
				t.Errorf("%q: %+v, %v", said, c, err)
			}
		}
	}
}
