package local_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/local"
)

// told collects what a person was told.
type told struct {
	mu    sync.Mutex // guards names
	names []authsome.NoticeName
	fails error
}

func (p *told) notify(_ context.Context, n authsome.Notice) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names = append(p.names, n.Name)
	return p.fails
}

func (p *told) listen(c *local.Config) { c.Notifier = p.notify }

// look makes some processes look at the connection at once, and waits until each has told what it had to tell.
func (w *world) look(p *told, processes int) {
	w.t.Helper()
	var all sync.WaitGroup
	for range processes {
		l := w.unclosed(p.listen)
		all.Go(func() {
			_, _ = l.Connection(w.t.Context(), acme, authsome.CredentialOptions{})
			if err := l.Close(); err != nil {
				w.t.Error(err)
			}
		})
	}
	all.Wait()
}

func (p *told) since(t *testing.T, want ...authsome.NoticeName) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.names, want) {
		t.Errorf("told %v, want %v", p.names, want)
	}
	p.names = nil
}

func TestNoticesComeOnceAcrossProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *authserver.Config) { c.AccessTokenLifetime = 90 * 24 * time.Hour })
	l := w.process()
	const facts = `, "refresh_expires_in": 5184000, "refresh_life": "sliding", "login_expires_in": 6912000`
	w.loginWith(l, facts) // 60 days idle, 80 in all
	p := &told{}
	w.pass(52 * 24 * time.Hour)
	w.look(p, 4)
	p.since(t)
	w.pass(2 * 24 * time.Hour) // 6 days are left
	w.look(p, 8)
	p.since(t, authsome.NoticeExpiring)
	w.look(p, 4)
	p.since(t)

	w.mustToken(l, authsome.CredentialOptions{Refresh: true}) // by a process that tells nobody
	w.look(p, 4)
	p.since(t, authsome.NoticeRecovered)
	w.pass(20 * 24 * time.Hour) // and then the end that no refresh puts off
	w.look(p, 4)
	p.since(t, authsome.NoticeExpiring)

	w.server.RevokeAll()
	w.mustToken(l, authsome.CredentialOptions{Refresh: true})
	w.look(p, 8)
	p.since(t, authsome.NoticeDied)
	w.loginWith(l, facts)
	w.look(p, 8)
	p.since(t, authsome.NoticeRecovered)
}

// A notifier that fails is on record, and stops nothing.
func TestFailingNotifierIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.server.RevokeAll()
	w.pass(58 * time.Minute)
	p := &told{fails: errors.New("no bell")}
	w.look(p, 1)
	p.since(t, authsome.NoticeDied)
	i := slices.IndexFunc(w.events, func(e authsome.Event) bool { return e.Name == authsome.EventNotify })
	if i < 0 || !w.events[i].Failed || w.events[i].Reason != "no bell" || w.events[i].Detail["notice"] != "died" {
		t.Errorf("recorded %+v", w.events)
	}
}
