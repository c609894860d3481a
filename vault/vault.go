// Package vault keeps records so that whoever gets hold of the storage can neither read nor exchange them. Use [Open].
//
// A random data key encrypts every record (seal.go); a [KeySource] wraps the data key, and a [Store] keeps both. The
// vault promises that a record is returned as it was written, under the key and at the version it was written, or that
// the call fails with [ErrCorrupt]; that a write happens only on top of the version its caller saw; and that nothing is
// made or overwritten when an existing vault cannot be opened. It does not notice when the whole storage, or a row
// together with its version, is put back to an earlier state, or when rows are removed.
package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
type Vault struct {
	store  Store
	sealer sealer
}

// Open opens the vault in a store and owns the store from then on, if it succeeds. An empty store gets a data key; of
// several processes that open it at the same time, all use the same one. It fails with [ErrWrongKey], [ErrCorrupt],
// [ErrUnavailable] or [ErrNewer], and has changed nothing then.
func Open(ctx context.Context, store Store, keys KeySource) (*Vault, error) {
	dataKey, err := loadDataKey(ctx, store, keys)
	if err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	defer clear(dataKey)
	s, err := newSealer(dataKey)
	if err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	return &Vault{store: store, sealer: s}, nil
}

// Get returns one record. It fails with [ErrNotFound].
func (v *Vault) Get(ctx context.Context, key Key) (Record, error) {
	if err := checkKey(key); err != nil {
		return Record{}, err
	}
	row, err := v.store.Get(ctx, key)
	if err != nil {
		return Record{}, err
	}
	return v.sealer.open(row)
}

// Put writes a value in place of version prev, or where there is no record if prev is 0, and returns the new version.
// It fails with [ErrConflict].
func (v *Vault) Put(ctx context.Context, key Key, value []byte, prev uint64) (uint64, error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	row := v.sealer.seal(Record{Key: key, Version: prev + 1, Value: value})
	if err := v.store.Put(ctx, row); err != nil {
		return 0, err
	}
	return row.Version, nil
}

// Delete removes a record, whatever its version. To delete what is not there is no error.
func (v *Vault) Delete(ctx context.Context, key Key) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return v.store.Delete(ctx, key)
}

// List returns the records whose keys begin with prefix, ordered by key.
func (v *Vault) List(ctx context.Context, prefix Key) ([]Record, error) {
	rows, err := v.store.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	records := make([]Record, 0, len(rows))
	for _, row := range rows {
		if isReserved(row.Key) {
			continue
		}
		rec, err := v.sealer.open(row)
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	return records, nil
}

// Apply makes all changes in order, or none. It fails with [ErrConflict] when a record is not at the version that its
// change expects, and with [errors.ErrUnsupported] when the store is no [Batcher].
func (v *Vault) Apply(ctx context.Context, changes ...Change) error {
	batcher, ok := v.store.(Batcher)
	if !ok {
		return fmt.Errorf("change several records at once: %w", errors.ErrUnsupported)
	}
	mutations := make([]Mutation, len(changes))
	for i, c := range changes {
		if err := checkKey(c.Key); err != nil {
			return err
		}
		if c.Delete {
			mutations[i] = Mutation{Row: Row{Key: c.Key, Version: c.Prev}, Delete: true}
			continue
		}
		mutations[i] = Mutation{Row: v.sealer.seal(Record{Key: c.Key, Version: c.Prev + 1, Value: c.Value})}
	}
	return batcher.Batch(ctx, mutations)
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
