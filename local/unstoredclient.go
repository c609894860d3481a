package local

import (
	"context"
	"errors"

	"authsome/vault"
)

// unstoredClient is a client with a new secret whose commit failed.
type unstoredClient struct {
	record *registrationRecord
	from   string // the fingerprint of the client that is stored, as long as it is the one that was renewed
}

// insistOnClient commits a client's new secret, which exists nowhere else, as insist does with a token. What cannot be committed is
// kept in memory, and used from there.
func (l *Layer) insistOnClient(ctx context.Context, h *holding, old, renewed *registrationRecord) {
	late := &unstoredClient{record: renewed, from: old.fingerprint()}
	err := persist(ctx, func() error { return l.storeClient(ctx, h, late) })
	if err == nil {
		return
	}
	l.log.Warn("a renewed client cannot be stored", "provider", string(h.provider), "err", err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unstoredClients[registrationKey(h.profile, h.provider, renewed.ClientID)] = late
}

// storeClient writes a renewed client in place of the one that it was, unless that has gone: then nobody is logged in with it.
func (l *Layer) storeClient(ctx context.Context, h *holding, late *unstoredClient) error {
	change, err := late.record.change(h.profile, h.provider)
	if err != nil {
		return err
	}
	version, err := l.vault.Put(ctx, change.Key, change.Value, change.Prev)
	if !errors.Is(err, vault.ErrConflict) {
		if err == nil {
			late.record.version = version
		}
		return err
	}
	rec, err := l.vault.Get(ctx, change.Key)
	if errors.Is(err, vault.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	current, err := decodeRegistration(rec)
	if err != nil || current.fingerprint() != late.from {
		return err // somebody has renewed it after us, and knows better
	}
	late.record.version = current.version
	return vault.ErrConflict // until the next attempt
}

// lateClient returns the client with the new secret that an earlier refresh of this process could not store, and tries to store
// it again; r, the stored one, if there is none or r is another by now. The lock of the client's connection is held.
func (l *Layer) lateClient(ctx context.Context, h *holding, r *registrationRecord) *registrationRecord {
	key := registrationKey(h.profile, h.provider, r.ClientID)
	l.mu.Lock()
	late := l.unstoredClients[key]
	l.mu.Unlock()
	if late == nil {
		return r
	}
	wanted := r.fingerprint() == late.from
	if wanted {
		late.record.version = r.version
		if err := l.storeClient(ctx, h, late); err != nil {
			return late.record
		}
	}
	l.mu.Lock()
	delete(l.unstoredClients, key)
	l.mu.Unlock()
	if !wanted {
		return r
	}
	return late.record
}
