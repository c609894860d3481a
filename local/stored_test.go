package local_test

import (
	"testing"
	"time"

	"authsome"
)

// Whoever asks for what is stored gets it while it lives, and causes no refresh at any time.
func TestStoredCredentialIsNotRefreshed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	first := w.mustToken(l)
	stored := authsome.CredentialOptions{Stored: true, Background: true}
	w.pass(58 * time.Minute) // well inside the window
	if c := w.mustToken(l, stored); !c.Value.Equal(first.Value) {
		t.Error("another token than the stored one was returned")
	}
	w.pass(3 * time.Minute)
	if _, err := w.token(l, stored); authsome.KindOf(err) != authsome.KindRefreshFailed {
		t.Errorf("an expired token gave %v", err)
	}
	if n := w.refreshCalls(); n != 0 {
		t.Errorf("%d refreshes", n)
	}
	if err := l.Logout(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if _, err := w.token(l, stored); authsome.KindOf(err) != authsome.KindConnectionNotFound {
		t.Errorf("after a logout got %v", err)
	}
}

// A refresh writes before it calls, and may take long: it must not hold up those who ask what is stored.
func TestStoredCredentialIsThereDuringARefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	first := w.mustToken(l)
	w.pass(58 * time.Minute)
	asked := false
	w.beforeTokenCalls(func() {
		asked = true
		if c := w.mustToken(l, authsome.CredentialOptions{Stored: true}); !c.Value.Equal(first.Value) {
			t.Error("another token than the stored one was returned")
		}
	})
	if c := w.mustToken(l); c.Value.Equal(first.Value) || !asked {
		t.Error("the token was not refreshed")
	}
}
