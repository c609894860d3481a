package local

import (
	"cmp"
	"context"
	"errors"
	"time"

	"golang.org/x/sync/singleflight"

	"authsome"
	"authsome/internal/oauth"
	"authsome/vault"
)

// How an ambiguous answer is followed up: the same refresh token again, at once. A server that had not processed the
// first request works as usual, one with a grace period answers well, and one without either has ended the family
// already. Hours later there would be no such chance.
const (
	maxReplays   = 2
	replayWithin = 15 * time.Second // since the first request
)

// refreshed is what the callers of one refresh share.
type refreshed struct {
	record  *connectionRecord
	warning *authsome.Error
}

// refresh renews a connection once for all goroutines that want it renewed. It returns when that is done or when ctx
// is: a refresh that has begun is never abandoned, because its answer may hold the only refresh token there is.
func (l *Layer) refresh(
	ctx context.Context, p *authsome.Provider, seen *connectionRecord, opts authsome.CredentialOptions,
) (*connectionRecord, *authsome.Error, error) {
	detached := context.WithoutCancel(ctx)
	l.inFlight.Add(1)
	flight := l.flights.DoChan(string(connectionKey(seen.ref)), func() (any, error) {
		r, err := l.refreshLocked(detached, p, seen, opts)
		return r, err
	})
	answer := make(chan singleflight.Result, 1)
	go func() {
		defer l.inFlight.Done()
		answer <- <-flight
	}()
	select {
	case <-ctx.Done():
		return seen, nil, &authsome.Error{
			Kind: authsome.KindCancelled, Ref: seen.ref, Message: "cancelled while refreshing " + seen.ref.String(),
			Err: ctx.Err(),
		}
	case result := <-answer:
		r := result.Val.(refreshed) //nolint:forcetypeassert // refreshLocked returns nothing else
		return r.record, r.warning, result.Err
	}
}

// refreshLocked holds the connection's lock while it looks again, decides, calls and commits.
func (l *Layer) refreshLocked(
	ctx context.Context, p *authsome.Provider, seen *connectionRecord, opts authsome.CredentialOptions,
) (refreshed, error) {
	unlock, done, err := l.lockOrAdopt(ctx, seen)
	if err != nil {
		return l.withoutLock(ctx, seen, err)
	}
	if unlock == nil {
		return done, nil
	}
	defer unlock()
	known := seen.Generation
	late, err := l.commitUnstored(ctx, seen.ref)
	if err != nil {
		return refreshed{record: seen}, err
	}
	if late != nil {
		known = late.Generation // issued before anybody asked: it is news to the vault only
	}
	h, err := l.read(ctx, seen.ref.Profile, seen.ref.Provider)
	if err != nil {
		return refreshed{record: seen}, err
	}
	c := h.connections[seen.ref.Connection]
	if c == nil {
		return refreshed{record: seen}, notConnected(seen.ref, h)
	}
	if c.Generation != known {
		opts.Refresh = false // somebody has done what was asked for
	}
	client := h.registration(c)
	switch c.decide(opts, client, l.now()) {
	case serve:
		return refreshed{record: c}, nil
	case refuse, wait:
		return l.settled(c)
	}
	return l.rotate(ctx, p, h, c)
}

// maxAwaits is how often a refresh of another process is waited for without queueing for the lock.
const maxAwaits = 3

// lockOrAdopt locks the connection, or returns what another process has made of it meanwhile. Of hundreds that want the same
// token only one needs the lock: if each took it only to find that nothing is left to do, they would go on one by one.
func (l *Layer) lockOrAdopt(ctx context.Context, seen *connectionRecord) (unlock func(), done refreshed, err error) {
	for range maxAwaits {
		unlock, err = l.lockOrAwait(ctx, seen.ref)
		if unlock != nil || err != nil {
			return unlock, refreshed{}, err
		}
		c, err := l.again(ctx, seen)
		if err == nil && c.Generation != seen.Generation && !c.Invalid && c.decide(authsome.CredentialOptions{}, nil, l.now()) == serve {
			return nil, refreshed{record: c}, nil
		}
	}
	unlock, err = l.lock(ctx, seen.ref)
	return unlock, refreshed{}, err
}

// withoutLock serves a caller that could not get the lock from what is stored by now.
func (l *Layer) withoutLock(ctx context.Context, seen *connectionRecord, cause error) (refreshed, error) {
	if !errors.Is(cause, context.DeadlineExceeded) {
		return refreshed{record: seen}, vaultError("the connection cannot be locked", cause)
	}
	c, err := l.again(ctx, seen)
	if err != nil {
		return refreshed{record: seen}, gone(seen.ref, err)
	}
	if c.Generation != seen.Generation && c.fresh(l.now()) {
		return refreshed{record: c}, nil
	}
	c.Refresh.Reason = reasonLockHeld
	return l.settled(c)
}

func (l *Layer) settled(c *connectionRecord) (refreshed, error) {
	warning, err := l.settle(c)
	return refreshed{record: c, warning: warning}, err
}

// rotate exchanges the refresh token. The lock is held.
func (l *Layer) rotate(
	ctx context.Context, p *authsome.Provider, h *holding, c *connectionRecord,
) (refreshed, error) {
	client := l.renewSecret(ctx, h, h.registration(c))
	if client == nil {
		client = &registrationRecord{}
	}
	endpoint, err := l.issuer(p, h, c)
	if err != nil {
		return l.blocked(c, err)
	}
	before := c.Refresh
	c.Refresh.AnswerLost = before.AnswerLost || !before.IntentAt.IsZero()
	c.Refresh.IntentAt = l.now().UTC()
	err = l.store(ctx, c)
	if errors.Is(err, vault.ErrConflict) {
		return l.adopt(ctx, c) // somebody without our lock has replaced the token that was to be renewed
	}
	if err != nil {
		c.Refresh = before
		return l.blocked(c, err)
	}
	token, err := l.send(ctx, endpoint, c)
	if err == nil {
		l.learnHost(&endpoint.Provider, c, token)
		return l.renewed(ctx, c, token, &endpoint.Provider)
	}
	e := asOAuthError(err)
	if e.Rotated != nil {
		return l.rotatedOnly(ctx, c, e, &endpoint.Provider)
	}
	return l.failed(ctx, c, client, e)
}

// issuer returns the OAuth client that the connection's refresh token belongs to.
func (l *Layer) issuer(p *authsome.Provider, h *holding, c *connectionRecord) (*oauth.Client, error) {
	client := h.registration(c)
	spec, err := serverOf(p, h.settings, c.BaseURL)
	if err != nil {
		return nil, err
	}
	if refreshURL(spec) != c.TokenURL {
		c.Refresh.Reason = reasonEndpointChanged
		return nil, c.failure()
	}
	if client == nil && c.ClientID == "" && c.asksAgain() {
		client = &registrationRecord{} // the key is all it takes
	}
	if client == nil {
		c.Refresh.Reason = reasonNoClient
		return nil, c.failure()
	}
	endpoint := l.client(spec, client)
	if !c.DPoPKey.IsZero() {
		if endpoint.DPoPKey, err = oauth.ParseDPoPKey(c.DPoPKey.Secret); err != nil {
			return nil, err
		}
	}
	return endpoint, nil
}

// blocked is a refresh that could not even begin.
func (l *Layer) blocked(c *connectionRecord, err error) (refreshed, error) {
	e := authsome.AsError(err)
	l.record(authsome.EventRefresh, c.ref, cmp.Or(e.Reason, e.Message), nil)
	if c.alive(l.now()) {
		return refreshed{record: c, warning: e}, nil
	}
	return refreshed{record: c}, e
}

// send sends the refresh token, and sends it again after an answer that was lost.
func (l *Layer) send(ctx context.Context, endpoint *oauth.Client, c *connectionRecord) (*oauth.Token, error) {
	first := l.now()
	for replays := 0; ; replays++ {
		token, err := l.sendOnce(ctx, endpoint, c)
		if err == nil {
			return token, nil
		}
		e := asOAuthError(err)
		l.record(authsome.EventRefresh, c.ref, e.Reason, nil)
		c.Refresh.AnswerLost = c.Refresh.AnswerLost || e.Class == oauth.ClassAmbiguous
		if e.Class != oauth.ClassAmbiguous || replays == maxReplays || l.now().Sub(first) > replayWithin {
			return nil, e
		}
		l.log.Debug("the answer of the token endpoint was lost, asking again", "connection", c.ref.String())
	}
}

func (l *Layer) sendOnce(ctx context.Context, endpoint *oauth.Client, c *connectionRecord) (*oauth.Token, error) {
	if c.RefreshToken.IsZero() {
		return l.obtain(ctx, endpoint, c)
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	return endpoint.Refresh(ctx, c.RefreshToken.Secret)
}

// renewed commits a new token; only then is anybody given it.
func (l *Layer) renewed(
	ctx context.Context, c *connectionRecord, token *oauth.Token, spec *authsome.OAuth,
) (refreshed, error) {
	previous := time.Duration(c.Lifetime) * time.Second
	c.take(token, spec)
	if token.ExpiresAt.IsZero() && previous > 0 {
		c.ExpiresAt = token.SentAt.Add(previous).UTC() // as long as the last one, when the answer does not say
		c.Lifetime = int64(previous / time.Second)
	}
	c.Invalid = false
	intent := c.Refresh.IntentAt
	c.Refresh = refreshState{LastAt: l.now().UTC()}
	if err := l.insist(ctx, c, intent); err != nil {
		l.record(authsome.EventRefresh, c.ref, "the new token could not be stored", nil)
		return refreshed{record: c}, err
	}
	l.record(authsome.EventRefresh, c.ref, "", nil)
	return refreshed{record: c}, nil
}

// failed stores the outcome of a refresh that did not work.
func (l *Layer) failed(
	ctx context.Context, c *connectionRecord, client *registrationRecord, e *oauth.Error,
) (refreshed, error) {
	now := l.now().UTC()
	c.Refresh = refreshState{
		LastAt: now, Reason: e.Reason, Description: e.Description, Failures: c.Refresh.Failures + 1,
		AnswerLost: c.Refresh.AnswerLost,
	}
	switch e.Class {
	case oauth.ClassGrant:
		c.Invalid = true
	case oauth.ClassClient:
		c.Invalid = true
		c.Refresh.RefusedClient = client.fingerprint()
	default:
		c.Refresh.NextAttemptAt = coolDown(now, c.Refresh.Failures, e.RetryAfter, l.jitter())
	}
	err := l.store(ctx, c)
	if errors.Is(err, vault.ErrConflict) {
		// Somebody without our lock, a login perhaps, has replaced what was refused: theirs is the truth.
		return l.adopt(ctx, c)
	}
	if err != nil {
		l.log.Warn("the outcome of a refresh cannot be stored", "connection", c.ref.String(), "err", err)
		if now, err := l.reread(ctx, c.ref); err == nil && now.Generation != c.Generation {
			return l.adopt(ctx, c) // it is no outcome of what is stored by now
		}
	}
	return l.settled(c)
}

// rotatedOnly stores the refresh token of an answer whose access token is of no use, as insistently as a whole one. The access
// token from before stays, with its type: it may live still.
func (l *Layer) rotatedOnly(
	ctx context.Context, c *connectionRecord, e *oauth.Error, spec *authsome.OAuth,
) (refreshed, error) {
	now, intent := l.now().UTC(), c.Refresh.IntentAt
	c.takeLife(e.Rotated, spec)
	c.RefreshToken = sealed{e.Rotated.RefreshToken}
	c.Refresh = refreshState{LastAt: now, Reason: e.Reason, Description: e.Description, Failures: c.Refresh.Failures + 1}
	c.Refresh.NextAttemptAt = coolDown(now, c.Refresh.Failures, e.RetryAfter, l.jitter())
	if err := l.insist(ctx, c, intent); err != nil {
		l.record(authsome.EventRefresh, c.ref, "the new refresh token could not be stored", nil)
		return refreshed{record: c}, err
	}
	if c.Refresh.Reason != e.Reason {
		return l.adopt(ctx, c) // a login has replaced what was refreshed, and wins
	}
	return l.settled(c)
}

// adopt returns what another process has stored meanwhile.
func (l *Layer) adopt(ctx context.Context, seen *connectionRecord) (refreshed, error) {
	c, err := l.again(ctx, seen)
	if err != nil {
		return refreshed{record: &connectionRecord{ref: seen.ref}}, gone(seen.ref, err)
	}
	if c.fresh(l.now()) && !c.Invalid {
		return refreshed{record: c}, nil
	}
	return l.settled(c)
}

// take puts a token answer into the record. What the answer leaves out stays: the refresh token (RFC 6749 section 6)
// and the scope (section 5.1).
func (c *connectionRecord) take(token *oauth.Token, spec *authsome.OAuth) {
	c.takeLife(token, spec)
	c.AccessToken = sealed{token.AccessToken}
	if !token.RefreshToken.IsZero() {
		c.RefreshToken = sealed{token.RefreshToken}
	}
	if token.Scopes != nil {
		c.Scopes = token.Scopes
	}
	c.TokenType = token.TokenType
	c.ObtainedAt = token.SentAt.UTC()
	c.ExpiresAt = time.Time{}
	if !token.ExpiresAt.IsZero() {
		c.ExpiresAt = token.ExpiresAt.UTC()
	}
	c.Lifetime = int64(token.Lifetime / time.Second)
	c.ClockSkew = int64(token.ClockSkew / time.Second)
	c.Generation++
}
