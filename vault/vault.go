// Package vault keeps records so that whoever gets hold of the storage can neither read nor exchange them. Use [Open].
//
// A random data key encrypts every record (seal.go); a [KeySource] wraps the data key, and a [Store] keeps both. The
// vault promises that a record is returned as it was written, under the key and at the version it was written, or that
// the call fails with [ErrCorrupt]; that a write happens only on top of the version its caller saw; and that nothing is
// made or overwritten when an existing vault cannot be opened. It notices a row that was put back to an earlier state or
// removed (manifest.go) and, in a store that is a [Marker], that the whole storage was (mark.go), unless what the marker
// keeps was put back with it.
package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Record is what a vault keeps under a key. Version grows by one with every write, from 1, and starts anew after a
// deletion.
type Record struct {
	Key     Key
	Version uint64
	Value   []byte
}

// Change is one step of [Vault.Apply]: to write Value, or to delete. Prev is the version the caller saw; 0 means that
// there must be no record yet or, for a deletion, that any will do.
type Change struct {
	Key    Key
	Value  []byte
	Prev   uint64
	Delete bool
}

// Vault is an open vault. It is safe for concurrent use. Its methods fail as those of the [Store] do, and with
// [ErrCorrupt] for a record that does not open.
//
// Another process may change the data key at any time (see [Vault.Rotate]). One that reads finds that a record does not
// open, looks at the envelope again, and goes on with the key that is there now. One that writes has the version of the
// envelope checked in the same step of the store, so that nothing is ever stored under a key that is no longer in use.
type Vault struct {
	store Store
	keys  KeySource

	renewing sync.Mutex // held while the envelope is read again
	key      atomic.Pointer[unlocked]
	seen     atomic.Uint64 // the highest generation that this Vault has met
}

// unlocked is the data key in use, and the version of the envelope that holds it.
type unlocked struct {
	sealer

	version uint64
}

// Open opens the vault in a store and owns the store from then on, if it succeeds. An empty store gets a data key; of
// several processes that open it at the same time, all use the same one. It fails with [ErrWrongKey], [ErrCorrupt],
// [ErrUnavailable] or [ErrNewer], and has changed nothing then.
func Open(ctx context.Context, store Store, keys KeySource) (*Vault, error) {
	return OpenAt(ctx, store, keys, time.Now())
}

// OpenAt is Open at another time than the present one; the time is noted in the envelope of a new vault.
func OpenAt(ctx context.Context, store Store, keys KeySource, now time.Time) (*Vault, error) {
	o, err := loadDataKey(ctx, store, keys, now.UTC())
	if err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	key, err := o.unlocked()
	if err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	v := &Vault{store: store, keys: keys}
	v.key.Store(key)
	return v, nil
}

// Get returns one record. It fails with [ErrNotFound].
func (v *Vault) Get(ctx context.Context, key Key) (rec Record, err error) {
	if err := checkKey(key); err != nil {
		return Record{}, err
	}
	// Keys that begin with another one are few.
	err = v.readRows(ctx, key, func(k *unlocked, rows []Row) (err error) {
		if len(rows) == 0 || rows[0].Key != key {
			return fmt.Errorf("read %s: %w", key, ErrNotFound)
		}
		rec, err = k.open(rows[0])
		return err
	})
	return rec, err
}

// reading reads rows and opens them; if they do not open because the data key was changed, both again. The key is looked up
// before the rows are read, so that rows can only be newer than the key.
func (v *Vault) reading(
	ctx context.Context, open func(key *unlocked, rows []Row) error, read func() ([]Row, error),
) error {
	for key, attempt := v.key.Load(), 1; ; attempt++ {
		rows, err := read()
		if err != nil {
			return err
		}
		err = open(key, rows)
		if err == nil || attempt == attempts {
			return err
		}
		renewed, renewErr := v.renew(ctx, key)
		if renewErr != nil {
			return renewErr
		}
		if renewed == key {
			return err
		}
		key = renewed
	}
}

// withKey writes with the data key in use, again if that was changed meanwhile.
func (v *Vault) withKey(ctx context.Context, write func(key *unlocked) error) error {
	for key, attempt := v.key.Load(), 1; ; attempt++ {
		err := write(key)
		if !errors.Is(err, ErrConflict) || attempt == attempts {
			return err
		}
		renewed, renewErr := v.renew(ctx, key)
		if renewErr != nil {
			return renewErr
		}
		if renewed == key {
			return err
		}
		key = renewed
	}
}

// Put writes a value in place of version prev, or where there is no record if prev is 0, and returns the new version.
// It fails with [ErrConflict].
func (v *Vault) Put(ctx context.Context, key Key, value []byte, prev uint64) (uint64, error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	if err := v.write(ctx, Change{Key: key, Value: value, Prev: prev}); err != nil {
		return 0, err
	}
	return prev + 1, nil
}

// Delete removes a record, whatever its version. To delete what is not there is no error.
func (v *Vault) Delete(ctx context.Context, key Key) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return v.write(ctx, Change{Key: key, Delete: true})
}

// List returns the records whose keys begin with prefix, ordered by key.
func (v *Vault) List(ctx context.Context, prefix Key) (records []Record, err error) {
	err = v.readRows(ctx, prefix, func(key *unlocked, rows []Row) (err error) {
		records, err = openAll(key, rows)
		return err
	})
	return records, err
}

func openAll(key *unlocked, rows []Row) ([]Record, error) {
	records := make([]Record, 0, len(rows))
	for _, row := range rows {
		if isReserved(row.Key) {
			continue
		}
		rec, err := key.open(row)
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	return records, nil
}

// Apply makes all changes in order, or none. It fails with [ErrConflict] when a record is not at the version that its
// change expects.
func (v *Vault) Apply(ctx context.Context, changes ...Change) error {
	for _, c := range changes {
		if err := checkKey(c.Key); err != nil {
			return err
		}
	}
	return v.write(ctx, changes...)
}

// Lock excludes every other holder of the same key's lock, in all processes, until unlock is called or this process
// ends. It is not reentrant.
func (v *Vault) Lock(ctx context.Context, key Key) (unlock func(), err error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return v.store.Lock(ctx, key)
}

// LockOrAwait takes the lock of a key if nobody holds it. Otherwise it waits until its holder lets go, together with all
// who wait so, and returns no unlock. With a store that is no [Awaiter] it does what Lock does.
func (v *Vault) LockOrAwait(ctx context.Context, key Key) (unlock func(), err error) {
	awaiter, ok := v.store.(Awaiter)
	if !ok {
		return v.Lock(ctx, key)
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return awaiter.LockOrAwait(ctx, key)
}

// Stamp returns a value that changes with every write of any process. It is cheap. It fails with
// [errors.ErrUnsupported] when the store is no [Stamper].
func (v *Vault) Stamp(ctx context.Context) (string, error) {
	stamper, ok := v.store.(Stamper)
	if !ok {
		return "", fmt.Errorf("watch the vault: %w", errors.ErrUnsupported)
	}
	return stamper.Stamp(ctx)
}

// Close closes the store.
func (v *Vault) Close() error { return v.store.Close() }

func checkKey(key Key) error {
	if key == "" || isReserved(key) || !utf8.ValidString(string(key)) || strings.ContainsRune(string(key), 0) {
		return fmt.Errorf("%q cannot be the key of a record", string(key))
	}
	return nil
}
