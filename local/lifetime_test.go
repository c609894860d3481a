package local_test

import (
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/local"
)

// expiresIn makes the next token answers say how many days the refresh token has.
func (w *world) expiresIn(days ...int) {
	for _, d := range days {
		w.server.Inject(authserver.Edit("refresh life", func(body map[string]any) { body["refresh_token_expires_in"] = d * 86400 }))
	}
}

// loginWith logs in with more members in the definition's oauth section.
func (w *world) loginWith(l *local.Layer, members string) *authsome.Connection {
	w.t.Helper()
	return w.loginAt(l, strings.Replace(w.definition(), `"client_auth": "post"`, `"client_auth": "post"`+members, 1))
}

func (w *world) only(l *local.Layer) authsome.Connection {
	w.t.Helper()
	all, err := l.List(w.t.Context(), "default")
	if err != nil || len(all) != 1 {
		w.t.Fatalf("%d connections, error %v", len(all), err)
	}
	return all[0]
}

// The end of a login is what the provider says, or else what the definition does; idle lifetimes begin anew with each refresh,
// others do not. Days count from the login; the refresh is made after 4 days.
func TestLoginNeededBy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		members       string
		said          []int // by the answers to login and refresh; none: nothing
		before, after int   // days; 0: nobody knows
		source        authsome.LifeSource
		keeps         bool // a keep-alive is known to help, after the refresh
	}{
		"nobody knows":                        {},
		"absolute":                            {members: `, "login_expires_in": 2592000`, before: 30, after: 30, source: "catalogue"},
		"idle":                                {members: `, "refresh_expires_in": 864000, "refresh_life": "sliding"`, before: 10, after: 14, source: "catalogue", keeps: true},
		"idle and rotating":                   {members: `, "refresh_expires_in": 864000, "rotation": "yes"`, before: 10, after: 14, source: "catalogue", keeps: true},
		"fixed":                               {members: `, "refresh_expires_in": 864000, "refresh_life": "fixed"`, before: 10, after: 10, source: "catalogue"},
		"idle and absolute":                   {members: `, "refresh_expires_in": 864000, "refresh_life": "sliding", "login_expires_in": 1036800`, before: 10, after: 12, source: "catalogue"},
		"said":                                {said: []int{10, 10}, before: 10, after: 14, source: "provider", keeps: true},
		"said to be fixed":                    {said: []int{10, 6}, before: 10, after: 10, source: "provider"},
		"said to be fixed, whatever is known": {members: `, "refresh_life": "sliding"`, said: []int{10, 6}, before: 10, after: 10, source: "provider"},
		"said against what is known":          {members: `, "refresh_expires_in": 864000, "refresh_life": "sliding"`, said: []int{20, 20}, before: 20, after: 24, source: "provider", keeps: true},
		"said to have no end":                 {members: `, "refresh_expires_in": 864000`, said: []int{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			l := w.process()
			start := w.clock()
			w.expiresIn(tt.said...)
			w.loginWith(l, tt.members)
			w.mustBeNeeded(l, start, tt.before, tt.source)
			w.pass(4 * 24 * time.Hour)
			w.mustToken(l)
			w.mustBeNeeded(l, start, tt.after, tt.source)
			if c := w.only(l); c.KeepAliveAt.IsZero() == tt.keeps {
				t.Errorf("to be kept alive at %s", c.KeepAliveAt)
			}
		})
	}
}

func (w *world) mustBeNeeded(l *local.Layer, start time.Time, days int, source authsome.LifeSource) {
	w.t.Helper()
	want := time.Time{}
	if days > 0 {
		want = start.AddDate(0, 0, days)
	}
	c := w.only(l)
	if !c.LoginNeededBy.Equal(want) {
		w.t.Errorf("needed by %s, want %s", c.LoginNeededBy, want)
	}
	if days > 0 && c.LoginNeededSource != source {
		w.t.Errorf("by %q, want %q", c.LoginNeededSource, source)
	}
}

// A definition's lifetimes come with how well they are known.
func TestLifetimesHaveTheirConfidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.loginWith(l, `, "login_expires_in": 86400, "lifetime_confidence": "C"`)
	if c := w.only(l); c.LoginNeededConfidence != "C" {
		t.Errorf("confidence %q", c.LoginNeededConfidence)
	}
	w.expiresIn(1)
	w.loginWith(l, `, "lifetime_confidence": "C"`)
	if c := w.only(l); c.LoginNeededConfidence != "" {
		t.Errorf("what the provider said has confidence %q", c.LoginNeededConfidence)
	}
}

// Several brokers that wake at once make one refresh, and none where it is not due.
func TestKeepAliveRefreshesOnceAcrossProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil) // whose access tokens expire within an hour, which is no reason
	first := w.process()
	w.loginWith(first, `, "refresh_expires_in": 864000, "refresh_life": "sliding"`)
	start := w.clock()
	next, err := first.KeepAlive(t.Context())
	if want := start.Add(180 * time.Hour); err != nil || !next.Equal(want) {
		t.Errorf("comes again at %s, want %s; error %v", next, want, err)
	}
	w.pass(179 * time.Hour)
	_, _ = first.KeepAlive(t.Context())
	if n := w.refreshCalls(); n != 0 {
		t.Fatalf("%d refreshes before it is due", n)
	}
	w.pass(2 * time.Hour)
	done := make(chan error)
	for range 8 {
		l := w.process()
		go func() {
			_, err := l.KeepAlive(t.Context())
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := w.refreshCalls(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
	if c := w.only(first); !c.LoginNeededBy.Equal(w.clock().AddDate(0, 0, 10)) {
		t.Errorf("needed by %s", c.LoginNeededBy)
	}
}

// An outage neither ends the login nor makes the broker call without end.
func TestKeepAliveBacksOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *authserver.Config) { c.AccessTokenLifetime = 90 * 24 * time.Hour })
	l := w.process()
	w.loginWith(l, `, "refresh_expires_in": 864000, "refresh_life": "sliding"`)
	w.pass(181 * time.Hour)
	w.server.Inject(authserver.Status(503, "7200"))
	next, err := l.KeepAlive(t.Context())
	if want := w.clock().Add(2 * time.Hour); err != nil || next.Before(want) {
		t.Errorf("comes again at %s, want %s; error %v", next, want, err)
	}
	_, _ = l.KeepAlive(t.Context())
	if n := w.refreshCalls(); n != 1 {
		t.Errorf("%d calls", n)
	}
	if s := w.status(l); s != authsome.StatusConnected {
		t.Errorf("status %s", s)
	}
}

// A pause that was measured by a clock which was years ahead is none.
func TestKeepAliveDoesNotWaitForAClockThatWasWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *authserver.Config) { c.AccessTokenLifetime = 90 * 24 * time.Hour })
	l := w.process()
	w.loginWith(l, `, "refresh_expires_in": 864000, "refresh_life": "sliding"`)
	w.pass(181 * time.Hour)
	const ahead = 10 * 365 * 24 * time.Hour
	w.pass(ahead)
	w.server.Inject(authserver.Status(503, ""))
	if _, err := l.KeepAlive(t.Context()); err != nil || w.refreshCalls() != 1 {
		t.Fatalf("%d calls, error %v", w.refreshCalls(), err)
	}
	w.pass(-ahead)
	if _, err := l.KeepAlive(t.Context()); err != nil || w.refreshCalls() != 2 {
		t.Errorf("%d calls, error %v", w.refreshCalls(), err)
	}
}
