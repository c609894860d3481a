package vault

import "context"

// Key names a record: words separated by slashes, such as "profile/default/github/connection/work". A key is not
// empty, is valid UTF-8 and holds no NUL.
type Key string

// Row is a record as a [Store] keeps it. Sealed means nothing to the store. Versions count from 1.
type Row struct {
	Key     Key
	Version uint64
	Sealed  []byte
}

// Reader gives rows out.
type Reader interface {
	// Get returns one row. It fails with ErrNotFound.
	Get(ctx context.Context, key Key) (Row, error)
	// List returns the rows whose keys begin with prefix and, as far as they are there, those of the other keys, all as they
	// were at one moment, in the byte order of their keys.
	List(ctx context.Context, prefix Key, others ...Key) ([]Row, error)
}

// Store keeps rows. Implementations are safe for concurrent use by goroutines and by processes, and a write that has
// returned survives the death of the process and of the machine. Errors wrap [ErrUnavailable] or [ErrCorrupt] unless
// said otherwise; a cancelled context gives its own error. Slices belong to the caller.
type Store interface {
	Reader

	// Update calls do while nobody else writes. What do does takes place as a whole when it returns nil, and not at all
	// when it fails or the process ends before. It is given what to use; the store itself it does not use meanwhile.
	Update(ctx context.Context, do func(context.Context, Tx) error) error
	// Lock waits until nobody else, in any process, holds the lock of this name, which need not be the key of a row.
	// The lock ends with unlock, which may be called twice, or with the process: there is no time limit. It is not
	// reentrant. A context that ends first gives its error.
	Lock(ctx context.Context, key Key) (unlock func(), err error)
	// Close ends the use of the store. Locks stay with their holders.
	Close() error
}

// Tx is a write that has begun: it looks and changes at one moment. After a failure to change something the whole write has
// failed.
type Tx interface {
	Reader

	// Put writes a row whose Version is one above the stored one, or 1 where there is none; otherwise it fails with
	// ErrConflict.
	Put(ctx context.Context, row Row) error
	// Set writes a row as it is, whatever the stored version is. A version that no row can have gives ErrConflict.
	Set(ctx context.Context, row Row) error
	// Delete removes a row of that version, or of any if version is 0; to remove what is not there is no error then.
	// Otherwise it fails with ErrConflict.
	Delete(ctx context.Context, key Key, version uint64) error
}

// put writes one row on top of the version before it.
func put(ctx context.Context, store Store, row Row) error {
	return store.Update(ctx, func(ctx context.Context, tx Tx) error { return tx.Put(ctx, row) })
}

// Stamper is a [Store] that can tell cheaply whether anything was written.
type Stamper interface {
	// Stamp returns a value that differs from the ones this store returned before the latest write of any process.
	Stamp(ctx context.Context) (string, error)
}

// Awaiter is a [Store] that lets many wait for what the holder of a lock does, none of whom may need the lock then.
type Awaiter interface {
	// LockOrAwait takes the lock as Lock does when nobody holds it. Otherwise it waits until its holder lets go and returns
	// no unlock: it holds nothing. All who wait so go on at once, while those who wait in Lock go on one by one.
	LockOrAwait(ctx context.Context, key Key) (unlock func(), err error)
}

// Marker is a [Store] that can keep a few bytes in a second place, which is not replaced along with the first. A vault
// keeps there how far it has got.
type Marker interface {
	// Mark returns what SetMark has kept, or nothing.
	Mark(ctx context.Context) ([]byte, error)
	// SetMark replaces it in one step. With durable set it survives the death of the machine once SetMark has returned;
	// without, the one before may come back then.
	SetMark(ctx context.Context, mark []byte, durable bool) error
}
