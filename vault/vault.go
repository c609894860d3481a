// Package vault keeps records so that whoever gets hold of the storage can neither read nor exchange them. Use [Open].
//
// A random data key encrypts every record (seal.go); a [KeySource] wraps the data key, and a [Store] keeps both. The
// vault promises that a record is returned as it was written, under the key and at the version it was written, or that
// the call fails with [ErrCorrupt]; that a write happens only on top of the version its caller saw; and that nothing is
// made or overwritten when an existing vault cannot be opened. In a store that is a [Transactor] it also notices a row that
// was put back to an earlier state or removed (manifest.go), and in one that is a [Marker] that the whole storage was
// (mark.go), unless what the marker keeps was put back with it.
package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
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
	seen   atomic.Uint64 // the highest generation that this Vault has met
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
	row, err := v.row(ctx, key)
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
	c := Change{Key: key, Value: value, Prev: prev}
	var err error
	if store, ok := v.store.(Transactor); ok {
		err = v.write(ctx, store, c)
	} else {
		err = v.store.Put(ctx, v.mutation(c).Row)
	}
	if err != nil {
		return 0, err
	}
	return prev + 1, nil
}

// Delete removes a record, whatever its version. To delete what is not there is no error.
func (v *Vault) Delete(ctx context.Context, key Key) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if store, ok := v.store.(Transactor); ok {
		return v.write(ctx, store, Change{Key: key, Delete: true})
	}
	return v.store.Delete(ctx, key)
}

// List returns the records whose keys begin with prefix, ordered by key.
func (v *Vault) List(ctx context.Context, prefix Key) ([]Record, error) {
	rows, err := v.rows(ctx, prefix)
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
// change expects, and with [errors.ErrUnsupported] when the store can change one record at a time only.
func (v *Vault) Apply(ctx context.Context, changes ...Change) error {
	for _, c := range changes {
		if err := checkKey(c.Key); err != nil {
			return err
		}
	}
	if store, ok := v.store.(Transactor); ok {
		return v.write(ctx, store, changes...)
	}
	batcher, ok := v.store.(Batcher)
	if !ok {
		return fmt.Errorf("change several records at once: %w", errors.ErrUnsupported)
	}
	mutations := make([]Mutation, len(changes))
	for i, c := range changes {
		mutations[i] = v.mutation(c)
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
