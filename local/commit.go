package local

import (
	"context"
	"errors"
	"time"

	"authsome"
	"authsome/internal/oauth"
	"authsome/vault"
)

// store writes a record in place of the version it was read from.
func (l *Layer) store(ctx context.Context, c *connectionRecord) error {
	change, err := c.change()
	if err != nil {
		return err
	}
	version, err := l.vault.Put(ctx, change.Key, change.Value, change.Prev)
	if errors.Is(err, vault.ErrConflict) {
		return err
	}
	if err != nil {
		return vaultError("the vault cannot be written", err)
	}
	c.version = version
	return nil
}

// How long a rotated token is tried to be committed before the caller is told.
const (
	commitAttempts = 5
	commitPause    = 200 * time.Millisecond
)

// insist commits a token that exists nowhere else. If the vault stays unwritable the record is kept in memory, and the
// next access call of this process tries again before it does anything else: a second refresh would lose the token.
func (l *Layer) insist(ctx context.Context, c *connectionRecord) error {
	var err error
	for attempt := range commitAttempts {
		if attempt > 0 {
			pause(ctx, commitPause)
		}
		if err = l.store(ctx, c); err == nil {
			return nil
		}
		if errors.Is(err, vault.ErrConflict) {
			err = l.supersede(ctx, c)
			if err == nil {
				return nil
			}
		}
	}
	l.mu.Lock()
	l.unstored[c.ref] = c
	l.mu.Unlock()
	return vaultError("a new token was issued but cannot be stored", err)
}

// supersede handles a record that changed although the lock was held: a login replaced it, and wins.
func (l *Layer) supersede(ctx context.Context, c *connectionRecord) error {
	current, err := l.reread(ctx, c.ref)
	if err != nil {
		return gone(c.ref, err)
	}
	*c = *current
	return nil
}

// commitUnstored writes a record that an earlier refresh of this process could not, and returns it; nil if there is none, or a
// login has replaced it. The lock is held.
func (l *Layer) commitUnstored(ctx context.Context, ref authsome.Ref) (*connectionRecord, error) {
	l.mu.Lock()
	c := l.unstored[ref]
	l.mu.Unlock()
	if c == nil {
		return nil, nil
	}
	err := l.store(ctx, c)
	if errors.Is(err, vault.ErrConflict) {
		c, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	delete(l.unstored, ref)
	l.mu.Unlock()
	return c, nil
}

// pause waits, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// asOAuthError returns the classified error in err's tree; anything unclassified is transient.
func asOAuthError(err error) *oauth.Error {
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return e
	}
	return &oauth.Error{Class: oauth.ClassTransient, Reason: err.Error(), Err: err}
}

func firstOf(candidates ...string) string {
	for _, s := range candidates {
		if s != "" {
			return s
		}
	}
	return ""
}
