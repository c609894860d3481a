package local_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/local"
)

const slidingTenDays = `, "refresh_expires_in": 864000, "refresh_life": "sliding"`

// longLived are access tokens that give no reason for a refresh.
func longLived(c *authserver.Config) { c.AccessTokenLifetime = 365 * 24 * time.Hour }

// keep calls KeepAlive, and says what is wrong if that does not want to be called again after so long; 0: it expects nothing.
func (w *world) keep(l *local.Layer, want time.Duration) {
	w.t.Helper()
	next, err := l.KeepAlive(w.t.Context())
	at := w.clock().Add(want)
	if want == 0 {
		at = time.Time{}
	}
	if err != nil || !next.Equal(at) {
		w.t.Errorf("comes again at %s, want %s; error %v", next, at, err)
	}
}

// The connections of all profiles are looked at, and of what they expect the first comes first. One that expects nothing, as the
// last of those here, is none.
func TestKeepAliveLooksAtEveryLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, longLived)
	l := w.process()
	w.expiresIn(10)
	w.loginWith(l, `, "refresh_life": "sliding"`)
	for _, login := range []struct {
		profile, connection string
		days                int // 0: nobody knows
	}{{"default", "work", 20}, {"other", "default", 5}, {"other", "without", 0}} {
		if login.days > 0 {
			w.expiresIn(login.days)
		}
		ref := acme
		ref.Profile, ref.Connection = authsome.ProfileName(login.profile), authsome.ConnectionName(login.connection)
		if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: ref, Fields: fields(clientID, clientSecret)}); err != nil {
			t.Fatal(err)
		}
	}
	w.keep(l, 90*time.Hour) // three quarters of 5 days
	w.pass(91 * time.Hour)
	w.expiresIn(5)
	w.keep(l, 89*time.Hour) // three quarters of 10 days, of which 91 hours are over
	if n := w.refreshCalls(); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
	w.pass(91 * time.Hour)
	w.expiresIn(100, 100)
	w.keep(l, 178*time.Hour) // of 20 days, 182 hours are over
	if n := w.refreshCalls(); n != 3 {
		t.Errorf("%d refreshes, and two more logins were about to lapse", n)
	}
}

// The less time there is the more often a refresh is tried that does not succeed.
func TestKeepAliveTriesMoreOftenTowardsTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, longLived)
	l := w.process()
	w.loginWith(l, slidingTenDays)
	w.pass(200 * time.Hour)
	w.server.Inject(authserver.Status(503, ""), authserver.Status(503, ""))
	w.keep(l, time.Hour)
	w.pass(39 * time.Hour)
	w.keep(l, time.Hour/8)
	w.pass(time.Hour / 8)
	w.keep(l, 180*time.Hour)
	if n := w.refreshCalls(); n != 3 {
		t.Errorf("%d calls", n)
	}
}

// A login that the provider has refused needs a person, and not a broker that looks at it.
func TestKeepAliveExpectsNothingOfARefusedLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, longLived)
	l := w.process()
	w.loginWith(l, slidingTenDays)
	w.pass(181 * time.Hour)
	w.server.Inject(authserver.OAuthError(400, "invalid_grant"))
	w.keep(l, 0)
	w.keep(l, 0)
	if c := w.only(l); w.refreshCalls() != 1 || !c.KeepAliveAt.IsZero() || c.Status != authsome.StatusInvalid {
		t.Errorf("%d calls, %s, to be kept alive at %s", w.refreshCalls(), c.Status, c.KeepAliveAt)
	}
}

// It comes back for what a person is to be told, too, and tells it.
func TestKeepAliveComesForWhatIsToBeTold(t *testing.T) {
	t.Parallel()
	for life, tells := range map[string]bool{"fixed": true, "sliding": false} {
		t.Run(life, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, longLived)
			p := &told{}
			before := func(c *local.Config) { c.NotifyBefore = 10 * time.Hour }
			w.loginWith(w.process(before), fmt.Sprintf(`, "refresh_expires_in": 864000, "refresh_life": %q`, life))
			l := w.unclosed(before, p.listen)
			if !tells {
				w.keep(l, 180*time.Hour)
				w.pass(180 * time.Hour)
				w.keep(l, 180*time.Hour)
			} else {
				w.keep(l, 230*time.Hour)
				w.pass(230 * time.Hour)
				w.keep(l, 10*time.Hour)
				w.pass(10 * time.Hour)
				w.keep(l, 0)
			}
			if err := l.Close(); err != nil { // waits until all is told
				t.Error(err)
			}
			if tells {
				p.since(t, authsome.NoticeExpiring)
			} else {
				p.since(t)
			}
		})
	}
}

// A broker that ends does not begin with the next login.
func TestKeepAliveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, longLived)
	l := w.unclosed()
	w.loginWith(l, slidingTenDays)
	ref := acme
	ref.Connection = "work"
	if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: ref, Fields: fields(clientID, clientSecret)}); err != nil {
		t.Fatal(err)
	}
	w.pass(181 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	w.beforeTokenCalls(cancel)
	if _, err := l.KeepAlive(ctx); err == nil {
		t.Error("it has come to its end")
	}
	if err := l.Close(); err != nil { // a rotation in flight is not abandoned
		t.Error(err)
	}
	if n := w.refreshCalls(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
}
