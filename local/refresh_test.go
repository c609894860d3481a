package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
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

func TestFreshTokenIsReturnedAndNothingSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	first := w.mustToken(l)
	w.pass(54*time.Minute + 59*time.Second) // 301 s are left
	if second := w.mustToken(l); !second.Value.Equal(first.Value) || w.refreshCalls() != 0 {
		t.Errorf("the token changed, after %d refreshes", w.refreshCalls())
	}
	w.pass(time.Second)
	if third := w.mustToken(l); third.Value.Equal(first.Value) || w.refreshCalls() != 1 {
		t.Errorf("with 300 s left the token was not refreshed; %d refreshes", w.refreshCalls())
	}
}

func TestShortLivedTokenIsUsedUntilAFifthIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *authserver.Config) { c.AccessTokenLifetime = 200 * time.Second })
	l := w.process()
	w.login(l)
	w.pass(159 * time.Second)
	w.mustToken(l)
	if w.refreshCalls() != 0 {
		t.Fatal("a token with more than a fifth of its life was refreshed")
	}
	w.pass(time.Second)
	w.mustToken(l)
	if w.refreshCalls() != 1 {
		t.Fatal("a token with a fifth of its life was not refreshed")
	}
}

func TestRejectedTokenWithoutExpiryIsRefreshed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.server.Inject(authserver.OmitExpiresIn())
	w.login(l)
	c := w.mustToken(l)
	w.pass(24 * 365 * time.Hour)
	if again := w.mustToken(l); again.Generation != c.Generation || w.refreshCalls() != 0 {
		t.Fatal("a token without expiry was refreshed unasked")
	}
	if newer := w.mustToken(l, authsome.CredentialOptions{Rejected: c.Generation}); newer.Generation == c.Generation {
		t.Error("a token that the API rejected was not refreshed")
	}
	if adopted := w.mustToken(l, authsome.CredentialOptions{Rejected: c.Generation}); w.refreshCalls() != 1 || adopted.Generation == c.Generation {
		t.Errorf("a late rejection of the old token refreshed again: %d calls", w.refreshCalls())
	}
}

// The second table of docs/refresh.md.
func TestFailedRefresh(t *testing.T) {
	t.Parallel()
	const inside, past = 56 * time.Minute, 61 * time.Minute
	for name, test := range map[string]struct {
		after  time.Duration
		fault  authserver.Fault
		reason string
		status authsome.Status
	}{
		"lives, unavailable":      {inside, authserver.Unavailable(0), "server error (HTTP 503)", authsome.StatusConnected},
		"lives, invalid_grant":    {inside, authserver.OAuthError(400, "invalid_grant"), "invalid_grant", authsome.StatusInvalid},
		"lives, invalid_client":   {inside, authserver.OAuthError(401, "invalid_client"), "invalid_client", authsome.StatusInvalid},
		"lives, expired_token":    {inside, authserver.OAuthError(400, "expired_token"), "expired_token", authsome.StatusInvalid},
		"expired, unavailable":    {past, authserver.Unavailable(0), "server error (HTTP 503)", authsome.StatusExpired},
		"expired, rate limited":   {past, authserver.RateLimited(time.Second), "rate limited (HTTP 429)", authsome.StatusExpired},
		"expired, invalid_grant":  {past, authserver.OAuthError(400, "invalid_grant"), "invalid_grant", authsome.StatusInvalid},
		"expired, invalid_client": {past, authserver.OAuthError(401, "invalid_client"), "invalid_client", authsome.StatusInvalid},
		"expired, our own fault":  {past, authserver.OAuthError(400, "invalid_scope"), "invalid_scope", authsome.StatusExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			l := w.process()
			w.login(l)
			before := w.mustToken(l)
			w.pass(test.after)
			w.server.Inject(test.fault)
			c, err := w.token(l)
			failure := w.failureOf(c, err, test.after == inside, before)
			if want := "refresh failed for acme (default): " + test.reason; failure == nil || failure.Error() != want {
				t.Errorf("got %v, want %s", failure, want)
			}
			if got := w.status(l); got != test.status {
				t.Errorf("status %s, want %s", got, test.status)
			}
			w.invalidSendsNothing(l, test.status)
		})
	}
}

// failureOf returns the warning of a credential that lives, or the error of one that does not.
func (w *world) failureOf(c *authsome.Credential, err error, alive bool, before *authsome.Credential) *authsome.Error {
	w.t.Helper()
	if alive {
		if err != nil || !c.Value.Equal(before.Value) {
			w.t.Fatalf("a token that lives was not served: %v", err)
		}
		return c.Warning
	}
	e, ok := errors.AsType[*authsome.Error](err)
	if !ok || e.Kind != authsome.KindRefreshFailed || e.Hint == "" {
		w.t.Fatalf("got %#v, want a failed refresh with a hint", err)
	}
	return e
}

func (w *world) invalidSendsNothing(l *local.Layer, status authsome.Status) {
	w.t.Helper()
	calls := w.refreshCalls()
	_, _ = w.token(l)
	if status == authsome.StatusInvalid && w.refreshCalls() != calls {
		w.t.Error("the token endpoint was called for an invalid connection")
	}
	if status != authsome.StatusInvalid && w.status(l) != authsome.StatusConnected {
		w.t.Error("the connection did not recover with the server")
	}
}

func TestExpiredWithoutRefreshTokenFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.server.Inject(authserver.OmitRefreshToken())
	w.login(l)
	w.pass(2 * time.Hour)
	if _, err := w.token(l); authsome.KindOf(err) != authsome.KindRefreshFailed {
		t.Errorf("got %v", err)
	}
	if got := w.status(l); got != authsome.StatusExpired || w.refreshCalls() != 0 {
		t.Errorf("status %s after %d calls", got, w.refreshCalls())
	}
}

func TestOneRefreshForManyProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	w.pass(2 * time.Hour)
	var wg sync.WaitGroup
	tokens := make(chan string, 60)
	for range 6 {
		l := w.process()
		for range 10 {
			wg.Go(func() {
				c, err := w.token(l)
				if err != nil {
					t.Error(err)
					return
				}
				tokens <- c.Value.Reveal()
			})
		}
	}
	wg.Wait()
	close(tokens)
	distinct := make(map[string]bool)
	for token := range tokens {
		distinct[token] = true
	}
	if len(distinct) != 1 || w.refreshCalls() != 1 {
		t.Errorf("%d tokens after %d calls", len(distinct), w.refreshCalls())
	}
}

func TestLostAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rotation authserver.Rotation
		faults   []authserver.Fault
		calls    int
		status   authsome.Status
	}{
		"reset before processing":            {authserver.RotateStrict, []authserver.Fault{authserver.ResetBefore()}, 2, authsome.StatusConnected},
		"reset before processing, twice":     {authserver.RotateStrict, []authserver.Fault{authserver.ResetBefore(), authserver.ResetBefore()}, 3, authsome.StatusConnected},
		"reset after processing, grace":      {authserver.RotateGrace, []authserver.Fault{authserver.ResetAfter()}, 2, authsome.StatusConnected},
		"half an answer, grace":              {authserver.RotateGrace, []authserver.Fault{authserver.TruncateAfter()}, 2, authsome.StatusConnected},
		"a web page":                         {authserver.RotateStrict, []authserver.Fault{authserver.HTML()}, 2, authsome.StatusConnected},
		"bad gateway":                        {authserver.RotateStrict, []authserver.Fault{authserver.Status(502, "")}, 2, authsome.StatusConnected},
		"reset after processing, strict":     {authserver.RotateStrict, []authserver.Fault{authserver.ResetAfter()}, 2, authsome.StatusInvalid},
		"lost three times, it stays expired": {authserver.RotateGrace, []authserver.Fault{authserver.ResetAfter(), authserver.ResetAfter(), authserver.ResetAfter()}, 3, authsome.StatusExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *authserver.Config) { c.Rotation, c.Grace = test.rotation, time.Minute })
			l := w.process()
			w.login(l)
			w.pass(2 * time.Hour)
			w.server.Inject(test.faults...)
			_, err := w.token(l)
			if w.refreshCalls() != test.calls || w.status(l) != test.status {
				t.Errorf("%d calls, status %s, error %v", w.refreshCalls(), w.status(l), err)
			}
			if test.status == authsome.StatusInvalid {
				e, _ := errors.AsType[*authsome.Error](err)
				if e == nil || !strings.Contains(e.Hint, "may have rotated") {
					t.Errorf("the hint does not say that an answer was lost: %v", e)
				}
			}
		})
	}
}

// A process refreshes a token that has an hour to live, and dies with the answer. That the token may have ended with it,
// and that the refresh token can be sent again for a short while only, nothing but the intent tells the next process.
func TestRefreshOfADeadProcessIsFollowedUpAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *authserver.Config) {
		c.Rotation, c.Grace, c.KillOldAccessToken = authserver.RotateGrace, time.Minute, true
	})
	store := &flaky{Memory: w.store}
	dying := w.process(func(c *local.Config) { c.Store = store })
	w.login(dying)
	w.beforeTokenCalls(func() { store.broken.Store(true) }) // as good as dead: it stores nothing any more
	if _, err := w.token(dying, authsome.CredentialOptions{Refresh: true}); err == nil {
		t.Fatal("the process has stored its token")
	}
	c := w.mustToken(w.process())
	if !w.server.AccessTokenValid(c.Value.Reveal()) || w.refreshCalls() != 2 {
		t.Errorf("the token handed out is good: %t; %d calls", w.server.AccessTokenValid(c.Value.Reveal()), w.refreshCalls())
	}
}

// Contract section 2: Ctrl-C of a waiter does not abandon a rotation in flight.
func TestCancelledCallerDoesNotAbandonTheRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	before := w.mustToken(l)
	w.pass(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{})
	w.beforeTokenCalls(func() { cancel(); <-answered })
	_, err := l.Credential(ctx, acme, authsome.CredentialOptions{})
	if authsome.KindOf(err) != authsome.KindCancelled {
		t.Fatalf("got %v", err)
	}
	close(answered)
	if err := l.Close(); err != nil { // as the command does when it ends
		t.Fatal(err)
	}
	w.beforeTokenCalls(nil)
	if c := w.mustToken(w.process()); c.Value.Equal(before.Value) || w.refreshCalls() != 1 {
		t.Errorf("the rotated token was lost; %d calls", w.refreshCalls())
	}
}

// A refusal counts only for the refresh token that was sent.
func TestRefusalOfAReplacedTokenIsNoVerdict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.pass(2 * time.Hour)
	w.server.Inject(authserver.OAuthError(400, "invalid_grant"))
	var once sync.Once
	w.beforeTokenCalls(func() {
		once.Do(func() { w.replaceTokens() }) // a process that knows no locks has logged in meanwhile
	})
	c := w.mustToken(l)
	if c.Value.Reveal() != "foreign" || w.status(l) != authsome.StatusConnected {
		t.Errorf("got %q, status %s", c.Value.Reveal(), w.status(l))
	}
}

// replaceTokens writes another token into the vault without the connection's lock.
func (w *world) replaceTokens() {
	l := w.process()
	v := l.Vault()
	rec, err := v.Get(w.t.Context(), "profile/default/provider/acme/connection/default")
	if err != nil {
		w.t.Error(err)
		return
	}
	var fields map[string]any
	if err := json.Unmarshal(rec.Value, &fields); err != nil {
		w.t.Error(err)
	}
	fields["access_token"], fields["refresh_token"], fields["generation"] = "foreign", "foreign", 9
	fields["expires_at"] = w.clock().Add(time.Hour)
	value, err := json.Marshal(fields)
	if err != nil {
		w.t.Error(err)
	}
	if _, err := v.Put(w.t.Context(), rec.Key, value, rec.Version); err != nil {
		w.t.Error(err)
	}
}

// flaky is a store that stops taking writes.
type flaky struct {
	*storetest.Memory
	broken atomic.Bool
}

func (f *flaky) Update(ctx context.Context, do func(context.Context, vault.Tx) error) error {
	if f.broken.Load() {
		return vault.ErrUnavailable
	}
	return f.Memory.Update(ctx, do)
}

// breakVaultInRefresh logs a process in and lets its token expire. The next refresh finds that its answer cannot be stored, until
// mend is called.
func (w *world) breakVaultInRefresh() (l *local.Layer, mend func()) {
	w.t.Helper()
	store := &flaky{Memory: w.store}
	l = w.process(func(c *local.Config) { c.Store = store })
	w.login(l)
	w.pass(2 * time.Hour)
	w.beforeTokenCalls(func() { store.broken.Store(true) })
	return l, func() {
		w.beforeTokenCalls(nil)
		store.broken.Store(false)
	}
}

func (w *world) wantUnavailable(l *local.Layer) {
	w.t.Helper()
	if _, err := w.token(l); authsome.KindOf(err) != authsome.KindVaultUnavailable {
		w.t.Fatalf("got %v, want an unavailable vault", err)
	}
}

func TestTokenThatCannotBeStoredIsKeptAndNotRefreshedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l, mend := w.breakVaultInRefresh()
	w.wantUnavailable(l)
	if _, err := w.token(l); authsome.KindOf(err) != authsome.KindVaultUnavailable || w.refreshCalls() != 1 {
		t.Fatalf("got %v after %d calls", err, w.refreshCalls())
	}
	mend()
	c := w.mustToken(l)
	if w.refreshCalls() != 1 || !w.server.AccessTokenValid(c.Value.Reveal()) {
		t.Errorf("the token that was kept is not the one handed out; %d calls", w.refreshCalls())
	}
}

func TestTokenThatWasStoredLateIsNotTheRefreshAskedForLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l, mend := w.breakVaultInRefresh()
	w.wantUnavailable(l)
	mend()
	w.pass(time.Minute)
	if _, err := l.Credential(t.Context(), acme, authsome.CredentialOptions{Refresh: true}); err != nil {
		t.Fatal(err)
	}
	if w.refreshCalls() != 2 {
		t.Errorf("%d refreshes, want a second one: the first was made before anybody asked for it", w.refreshCalls())
	}
}

func TestVaultThatCannotBeWrittenSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	store := &flaky{Memory: w.store}
	l := w.process(func(c *local.Config) { c.Store = store })
	w.login(l)
	w.pass(56 * time.Minute)
	store.broken.Store(true)
	c := w.mustToken(l)
	if c.Warning == nil || c.Warning.Kind != authsome.KindVaultUnavailable || w.refreshCalls() != 0 {
		t.Errorf("warning %v after %d calls", c.Warning, w.refreshCalls())
	}
	w.pass(time.Hour)
	if _, err := w.token(l); authsome.KindOf(err) != authsome.KindVaultUnavailable || w.refreshCalls() != 0 {
		t.Errorf("got %v after %d calls", err, w.refreshCalls())
	}
}

func TestCoolDownHoldsBackgroundCallersOfAllProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l, other := w.process(), w.process()
	w.login(l)
	w.pass(2 * time.Hour)
	w.server.Inject(authserver.Unavailable(90*time.Second), authserver.Unavailable(0))
	background := authsome.CredentialOptions{Background: true}
	_, _ = w.token(l, background)
	_, err := w.token(other, background)
	if w.refreshCalls() != 1 || authsome.KindOf(err) != authsome.KindRefreshFailed {
		t.Fatalf("%d calls within the cool-down, error %v", w.refreshCalls(), err)
	}
	if _, err := w.token(other); w.refreshCalls() != 2 || err == nil {
		t.Fatalf("an explicit call did not call: %d calls", w.refreshCalls())
	}
	w.pass(6 * time.Minute)
	w.mustToken(other, background)
}

func TestCorrectedClientSecretHeals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.pass(2 * time.Hour)
	w.server.SetClientSecret(clientID, "rotated")
	if _, err := w.token(l); authsome.KindOf(err) != authsome.KindRefreshFailed || w.status(l) != authsome.StatusInvalid {
		t.Fatalf("got %v, status %s", err, w.status(l))
	}
	// A login of another connection brings the new secret.
	other := acme
	other.Connection = "other"
	if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: other, Fields: fields(clientID, "rotated")}); err != nil {
		t.Fatal(err)
	}
	if c := w.mustToken(l); c.Warning != nil {
		t.Errorf("warning %v", c.Warning)
	}
}

func TestRefreshTokenGoesToItsIssuerOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.pass(2 * time.Hour)
	moved := strings.Replace(w.definition(), w.url+"/token", "http://127.0.0.1:1/token", 1)
	if _, err := l.Register(t.Context(), []byte(moved), true); err != nil {
		t.Fatal(err)
	}
	_, err := w.token(l)
	if e, _ := errors.AsType[*authsome.Error](err); e == nil || e.Reason != "token endpoint changed" {
		t.Errorf("got %v", err)
	}
}

func TestEveryAttemptIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.pass(2 * time.Hour)
	w.server.Inject(authserver.ResetBefore(), authserver.Unavailable(0))
	_, _ = w.token(l)
	w.mustToken(l)
	got := w.reasons()
	if len(got) != 3 || got[0] == "" || got[1] != "server error (HTTP 503)" || got[2] != "" {
		t.Errorf("got %q", got)
	}
}

func TestConnectionThatVanishedWhileWaitingIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.pass(2 * time.Hour)
	other := w.process()
	unlock, err := other.Vault().Lock(t.Context(), "profile/default/provider/acme/connection/default")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := w.token(l)
		done <- err
	}()
	if err := other.Vault().Delete(t.Context(), "profile/default/provider/acme/connection/default"); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-done; authsome.KindOf(err) != authsome.KindConnectionNotFound {
		t.Errorf("got %v", err)
	}
}
