package local

import (
	"cmp"
	"context"
	"slices"
	"time"

	"authsome"
	"authsome/vault"
)

// Each connection has a lock, the settings of a provider in a profile have one, and the key source (key.go). Who holds that of a
// connection may take that of the settings, never the other way round. Two connections are locked in the order of their names.
// Who exchanges the token of another connection waits for that one's lock while it holds its own: such chains have no circle
// (checkSubjects).

// lockMargin is how much longer than the slowest refresh a process waits for another one's.
const lockMargin = 5 * time.Second

// lockTimeout is longer than the slowest refresh of another process takes.
func (l *Layer) lockTimeout() time.Duration { return 2*l.timeout + replayWithin + lockMargin }

func (l *Layer) lockKey(ctx context.Context, key vault.Key) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, l.lockTimeout())
	defer cancel()
	return l.vault.Lock(ctx, key)
}

// lock waits for the connection's lock as long as another process may reasonably hold it.
func (l *Layer) lock(ctx context.Context, ref authsome.Ref) (func(), error) {
	return l.lockKey(ctx, connectionKey(ref))
}

// lockOrAwait is lock for those who may not need it any more when whoever holds it lets go: then it returns no unlock.
func (l *Layer) lockOrAwait(ctx context.Context, ref authsome.Ref) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, l.lockTimeout())
	defer cancel()
	return l.vault.LockOrAwait(ctx, connectionKey(ref))
}

// lockOne is lock with an error for people.
func (l *Layer) lockOne(ctx context.Context, ref authsome.Ref) (func(), error) {
	unlock, err := l.lock(ctx, ref)
	if err != nil {
		return nil, vaultError("the connection "+ref.String()+" is in use by another process", err)
	}
	return unlock, nil
}

// lockSettings keeps other processes from writing a provider's settings, which are one record for all its connections,
// and reads anew what the profile has there. It is taken after the locks of connections, never before.
func (l *Layer) lockSettings(ctx context.Context, h *holding) (*holding, func(), error) {
	unlock, err := l.lockKey(ctx, settingsKey(h.profile, h.provider))
	if err != nil {
		return nil, nil, vaultError("the settings of "+string(h.provider)+" are in use by another process", err)
	}
	now, err := l.read(ctx, h.profile, h.provider)
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return now, unlock, nil
}

// lockBoth locks two connections in the order of their names, so that two renames cannot wait for each other.
func (l *Layer) lockBoth(ctx context.Context, a, b authsome.Ref) (func(), error) {
	refs := []authsome.Ref{a, b}
	slices.SortFunc(refs, func(x, y authsome.Ref) int { return cmp.Compare(x.Connection, y.Connection) })
	first, err := l.lockOne(ctx, refs[0])
	if err != nil {
		return nil, err
	}
	second, err := l.lockOne(ctx, refs[1])
	if err != nil {
		first()
		return nil, err
	}
	return func() { second(); first() }, nil
}
