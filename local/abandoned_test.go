package local_test

import (
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
)

// A process that lives for long sees many logins that nobody finishes. They are forgotten, with the clients that were registered
// for them.
func TestAbandonedLoginsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newProtectedWorld(t, func(*authserver.Config) {}).protect()
	l := w.unclosed()
	ref := w.found(l)
	begin := func() *authsome.Authorization {
		t.Helper()
		step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: ref, Force: true, RedirectURI: redirectURI})
		if err != nil {
			t.Fatal(err)
		}
		return step
	}
	first := begin()
	w.pass(10 * time.Minute)
	second := begin()
	if n := l.Begun(); n != 2 {
		t.Errorf("%d logins are waited for, want both", n)
	}
	w.pass(10 * time.Minute)
	third := begin()
	if n := l.Begun(); n != 2 {
		t.Errorf("%d logins are waited for, want the two that are young", n)
	}
	if _, err := l.Complete(t.Context(), first.ID, redirectURI+"?code=x&state=y"); authsome.KindOf(err) != authsome.KindLoginFailed {
		t.Errorf("the first: %v", err)
	}
	if _, err := l.Complete(t.Context(), third.ID, w.visit(third.URL)); err != nil {
		t.Errorf("the third: %v", err)
	}
	w.pass(10 * time.Minute)
	if _, err := l.Complete(t.Context(), second.ID, redirectURI+"?code=x&state=y"); authsome.KindOf(err) != authsome.KindLoginFailed || l.Begun() != 0 {
		t.Errorf("the second: %v, %d left", err, l.Begun())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.requests("/register/DELETE")); n != 2 {
		t.Errorf("%d of 2 abandoned clients were deleted at the server", n)
	}
}
