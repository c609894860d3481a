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

// Store keeps rows. Implementations are safe for concurrent use by goroutines and by processes, and a write that has
// returned survives the death of the process and of the machine. Errors wrap [ErrUnavailable] or [ErrCorrupt] unless
// said otherwise; a cancelled context gives its own error. Slices belong to the caller.
type Store interface {
	// Get returns one row. It fails with ErrNotFound.
	Get(ctx context.Context, key Key) (Row, error)
	// Put writes a row whose Version is one above the stored one, or 1 where there is none; otherwise it fails with
	// ErrConflict.
	Put(ctx context.Context, row Row) error
	// Delete removes a row. To delete what is not there is no error.
	Delete(ctx context.Context, key Key) error
	// List returns the rows whose keys begin with prefix, in the byte order of their keys.
	List(ctx context.Context, prefix Key) ([]Row, error)
	// Lock waits until nobody else, in any process, holds the lock of this name, which need not be the key of a row.
	// The lock ends with unlock, which may be called twice, or with the process: there is no time limit. It is not
	// reentrant. A context that ends first gives its error.
	Lock(ctx context.Context, key Key) (unlock func(), err error)
	// Close ends the use of the store. Locks stay with their holders.
	Close() error
}

// Mutation is one step of a batch: to write the row as Put does, with Delete set to remove it or, with Check set, only to
// demand something. The Version of a row to be deleted must be the stored one, or 0 to delete whatever is there; that of a
// row to be checked must be the stored one.
type Mutation struct {
	Row

	Delete bool
	Check  bool
}

// Batcher is a [Store] that can do several things at once.
type Batcher interface {
	// Batch applies all mutations in order, or none. It fails with ErrConflict when one of them does not meet the
	// version it expects.
	Batch(ctx context.Context, mutations []Mutation) error
}

// Rewriter is a [Store] that can replace everything at once.
type Rewriter interface {
	// Rewrite calls change with all rows, in the byte order of their keys, and puts the ones that it returns in place of
	// those with the same keys, whatever their versions are, in one step that excludes all other writers. If change fails,
	// or returns a row whose key is not there (ErrConflict), nothing has happened. change does not use the store.
	Rewrite(ctx context.Context, change func(rows []Row) ([]Row, error)) error
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
