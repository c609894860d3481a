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

// unstored is a rotated token whose commit failed.
type unstored struct {
	record *connectionRecord
	intent time.Time // that the stored record has, as long as it is the one that was refreshed
}

// insist commits a token that exists nowhere else. If the vault stays unwritable the record is kept in memory, and the
// next access call of this process tries again before it does anything else: a second refresh would lose the token. What
// nobody is logged in with any more is not kept. intent is when the refresh began.
func (l *Layer) insist(ctx context.Context, c *connectionRecord, intent time.Time) error {
	err := persist(ctx, func() error {
		err := l.store(ctx, c)
		if errors.Is(err, vault.ErrConflict) {
			err = l.supersede(ctx, c)
		}
		return err
	})
	if err == nil || authsome.KindOf(err) == authsome.KindConnectionNotFound {
		return err
	}
	l.mu.Lock()
	l.unstored[c.ref] = &unstored{record: c, intent: intent}
	l.mu.Unlock()
	return vaultError("a new token was issued but cannot be stored", err)
}

// persist commits until that has succeeded, some times; or until it has become needless, which is final.
func persist(ctx context.Context, commit func() error) error {
	var err error
	for attempt := range commitAttempts {
		if attempt > 0 {
			pause(ctx, commitPause)
		}
		if err = commit(); err == nil || authsome.KindOf(err) == authsome.KindConnectionNotFound {
			break
		}
	}
	return err
}

// supersede handles a record that changed although the lock was held: a login replaced it, and wins.
func (l *Layer) supersede(ctx context.Context, c *connectionRecord) error {
	current, err := l.again(ctx, c)
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
	late := l.unstored[ref]
	l.mu.Unlock()
	if late == nil {
		return nil, nil
	}
	wanted, err := l.stillWanted(ctx, late)
	if wanted && err == nil {
		err = l.store(ctx, late.record)
	}
	if errors.Is(err, vault.ErrConflict) {
		wanted, err = false, nil
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	delete(l.unstored, ref)
	l.mu.Unlock()
	if !wanted {
		return nil, nil
	}
	return late.record, nil
}

// stillWanted reports whether what is stored is what the token was refreshed from. The version alone does not tell: after a
// logout it begins anew.
func (l *Layer) stillWanted(ctx context.Context, late *unstored) (bool, error) {
	current, err := l.reread(ctx, late.record.ref)
	if errors.Is(err, vault.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, vaultError("the vault cannot be read", err)
	}
	return current.Refresh.IntentAt.Equal(late.intent), nil
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
