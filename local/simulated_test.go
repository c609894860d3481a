package local_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/local"
	"authsome/vault"
	"authsome/vault/storetest"
)

// What the simulation has found, one by one.

// Three answers are lost while the access token would live for long. The token may have ended with them, and the grace
// of the provider passes: the next call does not wait for the token's expiry.
func TestUnknownOutcomeIsFollowedUpThoughTheTokenSeemsFresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *authserver.Config) {
		c.Rotation, c.Grace, c.KillOldAccessToken = authserver.RotateGrace, time.Minute, true
	})
	l := w.process()
	w.login(l)
	w.server.Inject(authserver.ResetAfter(), authserver.ResetAfter(), authserver.ResetAfter())
	if c, err := w.token(l, authsome.CredentialOptions{Refresh: true}); err != nil || c.Warning == nil {
		t.Fatalf("no warning, error %v", err)
	}
	c := w.mustToken(w.process())
	if c.Warning != nil || !w.server.AccessTokenValid(c.Value.Reveal()) || w.refreshCalls() != 4 {
		t.Errorf("warning %v, accepted %t, %d calls", c.Warning, w.server.AccessTokenValid(c.Value.Reveal()), w.refreshCalls())
	}
}

func TestRejectedTokenIsRefreshedThoughTheClockWasPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	c := w.mustToken(l)
	w.pass(-24 * time.Hour)
	if newer := w.mustToken(l, authsome.CredentialOptions{Rejected: c.Generation}); newer.Generation == c.Generation {
		t.Error("the token that the API has rejected was handed out again")
	}
}

func TestPauseMeasuredByAWrongClockHoldsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	const ahead = 365 * 24 * time.Hour
	w.pass(ahead)
	w.server.Inject(authserver.Unavailable(0))
	_, _ = w.token(l)
	w.pass(2*time.Hour - ahead)
	if c := w.mustToken(l, authsome.CredentialOptions{Background: true}); c.Warning != nil {
		t.Errorf("warning %v", c.Warning)
	}
}

// onStore is a store that does something first.
type onStore struct {
	*storetest.Memory
	lock   func(ctx context.Context) error
	list   func()
	update func()
}

func (s *onStore) Lock(ctx context.Context, key vault.Key) (func(), error) {
	if s.lock != nil {
		if err := s.lock(ctx); err != nil {
			return nil, err
		}
	}
	return s.Memory.Lock(ctx, key)
}

func (s *onStore) List(ctx context.Context, prefix vault.Key, others ...vault.Key) ([]vault.Row, error) {
	if s.list != nil {
		s.list()
	}
	return s.Memory.List(ctx, prefix, others...)
}

func (s *onStore) Update(ctx context.Context, do func(context.Context, vault.Tx) error) error {
	if s.update != nil {
		s.update()
	}
	return s.Memory.Update(ctx, do)
}

// over opens the vault over a store that does something first.
func (w *world) over(s *onStore) *local.Layer {
	s.Memory = w.store
	return w.process(func(c *local.Config) { c.Store = s })
}

func TestTokenReplacedBeforeTheIntentIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	w.pass(2 * time.Hour)
	var once sync.Once
	l := w.over(&onStore{update: func() { once.Do(w.replaceTokens) }})
	if c := w.mustToken(l); c.Value.Reveal() != "foreign" || w.refreshCalls() != 0 {
		t.Errorf("got %q after %d calls", c.Value.Reveal(), w.refreshCalls())
	}
}

func TestLoginIsStoredOverWhatAnotherProgramWrote(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	var once sync.Once
	l := w.over(&onStore{update: func() { once.Do(w.replaceTokens) }})
	if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Force: true}); err != nil {
		t.Fatal(err)
	}
	if c := w.mustToken(l); c.Value.Reveal() == "foreign" {
		t.Error("the login is not what is stored")
	}
}

// A login waits for the refresh of what it replaces, which may take longer than one request.
func TestLoginWaitsForALockLongerThanForAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	var shortest atomic.Int64
	shortest.Store(int64(time.Hour))
	l := w.over(&onStore{lock: func(ctx context.Context) error {
		if deadline, ok := ctx.Deadline(); ok {
			shortest.Store(min(shortest.Load(), int64(time.Until(deadline))))
		}
		return nil
	}})
	if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Force: true}); err != nil {
		t.Fatal(err)
	}
	if d := time.Duration(shortest.Load()); d < 10*time.Second { // a request has 2
		t.Errorf("the lock is waited for %s", d)
	}
}

func TestTokenOfARefreshThatIsNotWaitedForComesWithAWarning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	l := w.over(&onStore{lock: func(context.Context) error { return fmt.Errorf("lock: %w", context.DeadlineExceeded) }})
	c := w.mustToken(l, authsome.CredentialOptions{Refresh: true})
	if c.Warning == nil || c.Warning.Reason != "another process is refreshing" {
		t.Errorf("warning %v", c.Warning)
	}
}

func TestCancelledReadIsNoFaultOfTheVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Credential(ctx, acme, authsome.CredentialOptions{}); authsome.KindOf(err) != authsome.KindCancelled {
		t.Errorf("got %v", err)
	}
}

// A call that forces a refresh joins one that a less demanding call has begun, which then finds that nothing need be done.
func TestForcedRefreshIsDoneThoughTheOneItJoinedWasNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first := w.process()
	w.login(first)
	before := w.mustToken(first)
	w.server.Inject(authserver.Unavailable(0))
	sent, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.beforeTokenCalls(func() { once.Do(func() { close(sent); <-goOn }) })
	var group sync.WaitGroup
	group.Go(func() { _, _ = w.token(first, authsome.CredentialOptions{Refresh: true}) })
	<-sent // there is an intent, and the token is fresh

	read := make(chan struct{}, 10)
	second := w.over(&onStore{list: func() { read <- struct{}{} }})
	group.Go(func() { w.mustToken(second) })
	<-read
	time.Sleep(20 * time.Millisecond) // until it waits for the lock; if it does not, nothing is tested
	var got *authsome.Credential
	var err error
	group.Go(func() { got, err = w.token(second, authsome.CredentialOptions{Refresh: true}) })
	<-read
	time.Sleep(20 * time.Millisecond)
	close(goOn)
	group.Wait()
	if err != nil || got.Warning != nil || got.Generation == before.Generation {
		t.Errorf("got generation %d, error %v", got.Generation, errors.Join(err))
	}
}

func TestFailureThatCannotBeStoredIsNoVerdictOnAReplacedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	w.pass(2 * time.Hour)
	store := &flaky{Memory: w.store}
	l := w.process(func(c *local.Config) { c.Store = store })
	w.server.Inject(authserver.Unavailable(0))
	w.beforeTokenCalls(func() { w.replaceTokens(); store.broken.Store(true) })
	if c := w.mustToken(l); c.Value.Reveal() != "foreign" {
		t.Errorf("got %q", c.Value.Reveal())
	}
}
