package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const snapshotAttempts = 3

// readRows reads the rows whose keys begin with prefix, and opens them if they are the ones that were written last.
func (v *Vault) readRows(
	ctx context.Context, prefix Key, open func(key *unlocked, rows []Row) error,
) error {
	for attempt := 1; ; attempt++ {
		var k marks
		var seen uint64
		err := v.reading(ctx, func(key *unlocked, all []Row) error {
			rows, m, err := split(key.sealer, all)
			if err == nil {
				err = v.current(m, k, seen)
			}
			if err == nil && m == nil {
				err = neverListed(rows)
			} else if err == nil {
				err = compare(m.below(prefix), rows)
			}
			if err != nil {
				return err
			}
			return open(key, rows)
		}, func() (rows []Row, err error) {
			// In this order: what is read here may only be older than the rows are.
			seen = v.seen.Load()
			if k, err = v.readMarks(ctx); err != nil {
				return nil, err
			}
			return v.store.List(ctx, prefix, manifestRow)
		})
		// The first change of all makes the mark, and a mark that is being written may be read in part.
		if !errors.Is(err, ErrRolledBack) || attempt == snapshotAttempts {
			return err
		}
	}
}

// split takes the manifest out of rows. It returns nil for a manifest where there is none.
func split(s sealer, all []Row) ([]Row, *manifest, error) {
	at := slices.IndexFunc(all, func(row Row) bool { return row.Key == manifestRow })
	if at < 0 {
		return all, nil, nil
	}
	m, err := openManifest(s, all[at])
	return slices.Delete(slices.Clone(all), at, at+1), m, err
}

func openManifest(s sealer, row Row) (*manifest, error) {
	rec, err := s.open(row)
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
func (v *Vault) current(m *manifest, k marks, seen uint64) error {
	if k.kept {
		if err := m.check(k.beside); err != nil {
			return err
		}
	}
	if err := m.outran(k.apart); err != nil {
		return err
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

// write makes changes, all or none.
func (v *Vault) write(ctx context.Context, changes ...Change) error {
	return v.withKey(ctx, func(key *unlocked) error {
		return v.update(ctx, key, func(ctx context.Context, tx Tx, m *manifest) (sealer, error) {
			for _, c := range changes {
				if err := change(ctx, tx, m, key, c); err != nil {
					return key.sealer, err
				}
			}
			return key.sealer, nil
		})
	})
}

// change makes one change and notes it in the manifest, which knows what is stored.
func change(ctx context.Context, tx Tx, m *manifest, key *unlocked, c Change) error {
	if stored := m.version(c.Key); stored != c.Prev && (!c.Delete || c.Prev != 0) {
		return fmt.Errorf("write %s: %w", c.Key, ErrConflict)
	}
	if c.Delete {
		m.remove(c.Key)
		return tx.Delete(ctx, c.Key, c.Prev)
	}
	row := key.seal(Record{Key: c.Key, Version: c.Prev + 1, Value: c.Value})
	m.set(row)
	return tx.Put(ctx, row)
}

// update changes the vault on condition that the key is still in use. do makes the change and notes it in the manifest,
// which is written with it by the sealer that do returns; the mark follows.
func (v *Vault) update(
	ctx context.Context, key *unlocked, do func(context.Context, Tx, *manifest) (sealer, error),
) error {
	var m *manifest
	err := v.store.Update(ctx, func(ctx context.Context, tx Tx) error {
		envelope, err := tx.Get(ctx, dataKeyRow)
		if err != nil {
			return lost(err)
		}
		if envelope.Version != key.version {
			return fmt.Errorf("%w: the data key was changed", ErrConflict)
		}
		if m, err = v.manifestFor(ctx, tx, key.sealer); err != nil {
			return err
		}
		with, err := do(ctx, tx, m)
		if err != nil {
			return err
		}
		m.generation++
		return tx.Set(ctx, with.seal(Record{Key: manifestRow, Version: m.generation, Value: m.encode()}))
	})
	if err != nil {
		return err
	}
	v.advance(m.generation)
	v.setMark(context.WithoutCancel(ctx), m)
	return nil
}

// manifestFor returns the manifest to be changed, and makes one for a vault that has none yet.
func (v *Vault) manifestFor(ctx context.Context, tx Tx, s sealer) (m *manifest, err error) {
	seen := v.seen.Load()
	k, err := v.readMarks(ctx)
	if err != nil {
		return nil, err
	}
	row, err := tx.Get(ctx, manifestRow)
	if err == nil {
		m, err = openManifest(s, row)
	} else if errors.Is(err, ErrNotFound) {
		err = nil
	}
	if err == nil {
		err = v.current(m, k, seen)
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
