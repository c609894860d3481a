package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// row returns one row, if it is the one that was written last.
func (v *Vault) row(ctx context.Context, key Key) (Row, error) {
	if _, ok := v.store.(Transactor); !ok {
		return v.store.Get(ctx, key)
	}
	rows, err := v.rows(ctx, key) // keys that begin with another one are few
	if err != nil {
		return Row{}, err
	}
	if len(rows) == 0 || rows[0].Key != key {
		return Row{}, fmt.Errorf("read %s: %w", key, ErrNotFound)
	}
	return rows[0], nil
}

// rows returns the rows whose keys begin with prefix, if they are the ones that were written last.
func (v *Vault) rows(ctx context.Context, prefix Key) ([]Row, error) {
	store, ok := v.store.(Transactor)
	if !ok {
		return v.store.List(ctx, prefix)
	}
	for attempt := 1; ; attempt++ {
		rows, m, err := v.snapshot(ctx, store, prefix)
		// The first change of all makes the mark, and a mark that is being written may be read in part.
		if errors.Is(err, ErrRolledBack) && attempt < snapshotAttempts {
			continue
		}
		if err != nil {
			return nil, err
		}
		if m == nil {
			return rows, neverListed(rows)
		}
		return rows, compare(m.below(prefix), rows)
	}
}

const snapshotAttempts = 3

// snapshot reads rows and manifest, and makes sure that they are not older than what was known before.
func (v *Vault) snapshot(ctx context.Context, store Transactor, prefix Key) ([]Row, *manifest, error) {
	// In this order: what is read here may only be older than the rows are.
	seen := v.seen.Load()
	k, kept, err := v.readMark(ctx)
	if err != nil {
		return nil, nil, err
	}
	all, err := store.ListWith(ctx, prefix, manifestRow)
	if err != nil {
		return nil, nil, err
	}
	rows, m, err := v.split(all)
	if err != nil {
		return nil, nil, err
	}
	return rows, m, v.current(m, k, kept, seen)
}

// split takes the manifest out of rows. It returns nil for a manifest where there is none.
func (v *Vault) split(all []Row) ([]Row, *manifest, error) {
	at := slices.IndexFunc(all, func(row Row) bool { return row.Key == manifestRow })
	if at < 0 {
		return all, nil, nil
	}
	m, err := v.openManifest(all[at])
	return slices.Delete(all, at, at+1), m, err
}

func (v *Vault) openManifest(row Row) (*manifest, error) {
	rec, err := v.sealer.open(row)
	if err != nil {
		return nil, err
	}
	m, err := decodeManifest(rec.Value)
	if err != nil {
		return nil, err
	}
	m.generation = rec.Version
	return m, nil
}

// current fails with ErrRolledBack when a manifest is older than what was known before it was read.
func (v *Vault) current(m *manifest, k mark, kept bool, seen uint64) error {
	if kept {
		if err := m.check(k); err != nil {
			return err
		}
	}
	generation := uint64(0)
	if m != nil {
		generation = m.generation
	}
	if generation < seen {
		return fmt.Errorf("%w: it is at generation %d, but was at %d a moment ago", ErrRolledBack, generation, seen)
	}
	v.advance(generation)
	return nil
}

func (v *Vault) advance(generation uint64) {
	for {
		seen := v.seen.Load()
		if generation <= seen || v.seen.CompareAndSwap(seen, generation) {
			return
		}
	}
}

// neverListed fails when rows, which were found without a manifest, had one when they were written.
func neverListed(rows []Row) error {
	for _, row := range rows {
		if !isReserved(row.Key) && len(row.Sealed) > 0 && row.Sealed[0] != sealV1 {
			return fmt.Errorf("record %s: %w: the vault's list of records is missing", row.Key, ErrCorrupt)
		}
	}
	return nil
}

// write makes changes, all or none, in a store whose records are listed.
func (v *Vault) write(ctx context.Context, store Transactor, changes ...Change) error {
	return v.update(ctx, store, func(_ context.Context, _ Tx, m *manifest) ([]Mutation, error) {
		mutations := make([]Mutation, len(changes))
		for i, c := range changes {
			if stored := m.version(c.Key); stored != c.Prev && !(c.Delete && c.Prev == 0) {
				return nil, fmt.Errorf("write %s: %w", c.Key, ErrConflict)
			}
			mutations[i] = v.mutation(c)
			if c.Delete {
				m.remove(c.Key)
			} else {
				m.set(mutations[i].Row)
			}
		}
		return mutations, nil
	})
}

// update changes the vault by the mutations that do returns. do has noted them in the manifest, which is written with
// them, and the mark follows.
func (v *Vault) update(
	ctx context.Context, store Transactor, do func(context.Context, Tx, *manifest) ([]Mutation, error),
) error {
	var m *manifest
	err := store.Update(ctx, func(ctx context.Context, tx Tx) (err error) {
		if m, err = v.manifestFor(ctx, tx); err != nil {
			return err
		}
		mutations, err := do(ctx, tx, m)
		if err != nil {
			return err
		}
		m.generation++
		list := v.sealer.seal(Record{Key: manifestRow, Version: m.generation, Value: m.encode()})
		return tx.Apply(ctx, append(mutations, Mutation{Row: list}))
	})
	if err != nil {
		return err
	}
	v.advance(m.generation)
	v.setMark(context.WithoutCancel(ctx), m)
	return nil
}

// manifestFor returns the manifest to be changed, and makes one for a vault that has none yet.
func (v *Vault) manifestFor(ctx context.Context, tx Tx) (m *manifest, err error) {
	seen := v.seen.Load()
	k, kept, err := v.readMark(ctx)
	if err != nil {
		return nil, err
	}
	row, err := tx.Get(ctx, manifestRow)
	if err == nil {
		m, err = v.openManifest(row)
	} else if errors.Is(err, ErrNotFound) {
		err = nil
	}
	if err == nil {
		err = v.current(m, k, kept, seen)
	}
	if err != nil || m != nil {
		return m, err
	}
	rows, err := tx.List(ctx, "")
	if err == nil {
		err = neverListed(rows)
	}
	if err != nil {
		return nil, err
	}
	m = newManifest(rows)
	return m, v.beginMark(ctx, m)
}

func (v *Vault) mutation(c Change) Mutation {
	if c.Delete {
		return Mutation{Row: Row{Key: c.Key, Version: c.Prev}, Delete: true}
	}
	return Mutation{Row: v.sealer.seal(Record{Key: c.Key, Version: c.Prev + 1, Value: c.Value})}
}
