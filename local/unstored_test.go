package local_test

import (
	"testing"
	"time"

	"authsome"
	"authsome/local"
)

// A token that could not be stored at once belongs to the login that it was issued to. The versions of the vault begin anew with a
// new login, so they do not tell.
func TestTokenKeptForLaterIsNotStoredOverANewLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l, mend := w.breakVaultInRefresh()
	w.wantUnavailable(l)
	mend()
	w.loginAnew()
	if c := w.mustToken(l, authsome.CredentialOptions{Refresh: true}); c.Generation == 0 {
		t.Fatal("no credential")
	}
	w.wantTheNewLogin(l)
}

// Whoever removes a provider waits for no refresh. Its token is nobody's then.
func TestTokenOfAConnectionThatWasRemovedMeanwhileIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.pass(2 * time.Hour)
	other := w.process()
	w.beforeTokenCalls(func() {
		if err := other.Remove(t.Context(), acme.Profile, acme.Provider); err != nil {
			t.Error(err)
		}
	})
	if _, err := w.token(l); authsome.KindOf(err) != authsome.KindConnectionNotFound {
		t.Errorf("got %v, want that there is no such connection", err)
	}
	w.beforeTokenCalls(nil)
	w.loginAnew()
	w.mustToken(l, authsome.CredentialOptions{Refresh: true})
	w.wantTheNewLogin(l)
}

// loginAnew logs out, in again and brings the record to the version that a refresh under way has left it at.
func (w *world) loginAnew() {
	w.t.Helper()
	l := w.process()
	_ = l.Logout(w.t.Context(), acme)
	w.login(l)
	if err := l.SetGuard(w.t.Context(), acme, authsome.Guard{Cookies: true}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wantTheNewLogin(l *local.Layer) {
	w.t.Helper()
	all, err := l.List(w.t.Context(), acme.Profile)
	if err != nil || len(all) != 1 || !all[0].Guard.Cookies {
		w.t.Errorf("the new login was written over: %+v, %v", all, err)
	}
}
