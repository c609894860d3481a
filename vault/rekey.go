package vault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Envelope returns how the data key is wrapped now.
func (v *Vault) Envelope(ctx context.Context) (Envelope, error) { return ReadEnvelope(ctx, v.store) }

// Rewrap puts the data key into another source's care. No record is touched. It tries the new envelope before it takes the
// place of the old one, in one write: whenever this process dies, either the old source opens the vault or the new one.
// The old source's key is left alone. Callers exclude one another by a lock, so that nobody removes a key that another one
// has just come to use.
func (v *Vault) Rewrap(ctx context.Context, to KeySource, now time.Time) error {
	return v.changeEnvelope(ctx, func(current *opened) error {
		next := &opened{dataKey: current.dataKey, version: current.version + 1, source: to}
		next.envelope = Envelope{Since: now.UTC(), Rotated: current.envelope.Rotated}
		row, err := v.prepare(ctx, next)
		if err != nil {
			return err
		}
		return put(ctx, v.store, row)
	})
}

// Rotate makes a new data key and seals every record with it, in one write. Whenever this process dies, all records are
// sealed with the old key or all with the new one, and the envelope holds that one. Records keep their versions, so that
// whoever has read one before can still write on top of it; how other processes notice is told at [Vault]. Rotate fails
// with [ErrCorrupt], having changed nothing, if there is a record that does not open.
func (v *Vault) Rotate(ctx context.Context, now time.Time) error {
	return v.changeEnvelope(ctx, func(current *opened) error {
		next := &opened{dataKey: newDataKey(), version: current.version + 1, source: current.source}
		defer clear(next.dataKey)
		next.envelope = Envelope{Since: current.envelope.Since, Rotated: now.UTC()}
		envelope, err := v.prepare(ctx, next)
		if err != nil {
			return err
		}
		from, err := newSealer(current.dataKey)
		if err != nil {
			return err
		}
		to, err := newSealer(next.dataKey)
		if err != nil {
			return err
		}
		return v.rotate(ctx, &unlocked{sealer: from, version: current.version}, to, envelope)
	})
}

// rotate seals the records and their list anew. A vault that is not what its list says is not rotated, which would make it look
// as if it were.
func (v *Vault) rotate(ctx context.Context, from *unlocked, to sealer, envelope Row) error {
	return v.update(ctx, from, func(ctx context.Context, tx Tx, m *manifest) (sealer, error) {
		rows, err := tx.List(ctx, "")
		if err == nil {
			err = compare(m.entries, rows)
		}
		if err != nil {
			return to, err
		}
		for _, row := range rows {
			if isReserved(row.Key) {
				continue
			}
			rec, err := from.open(row)
			if err != nil {
				return to, err
			}
			row = to.seal(rec)
			clear(rec.Value)
			m.set(row)
			if err := tx.Set(ctx, row); err != nil {
				return to, err
			}
		}
		return to, tx.Set(ctx, envelope)
	})
}

// prepare wraps a data key and makes sure that what comes out can be opened.
func (v *Vault) prepare(ctx context.Context, next *opened) (Row, error) {
	if err := next.wrap(ctx); err != nil {
		return Row{}, err
	}
	row, err := next.row()
	if err != nil {
		return Row{}, err
	}
	keys := v.keys
	if _, ok := keys.(Chooser); !ok {
		keys = next.source
	}
	return row, next.verify(ctx, keys, row)
}

// changeEnvelope reads and opens the envelope and has it replaced, again if another process was faster.
func (v *Vault) changeEnvelope(ctx context.Context, change func(current *opened) error) error {
	for attempt := 1; ; attempt++ {
		current, err := v.reopen(ctx)
		if err != nil {
			return err
		}
		err = change(current)
		clear(current.dataKey)
		if errors.Is(err, ErrConflict) && attempt < attempts {
			continue
		}
		if err != nil {
			return err
		}
		_, err = v.renew(ctx, v.key.Load())
		return err
	}
}

// reopen opens the envelope that is stored now.
func (v *Vault) reopen(ctx context.Context) (*opened, error) {
	row, err := v.store.Get(ctx, dataKeyRow)
	if err != nil {
		return nil, lost(err)
	}
	o, err := unwrapDataKey(ctx, row, v.keys)
	if err != nil {
		return nil, err
	}
	if _, err := o.authenticated(); err != nil {
		clear(o.dataKey)
		return nil, err
	}
	return o, nil
}

// renew returns the key that is in use now, after something has shown that seen may be no longer. It is seen itself if
// the envelope has not changed.
func (v *Vault) renew(ctx context.Context, seen *unlocked) (*unlocked, error) {
	v.renewing.Lock()
	defer v.renewing.Unlock()
	if current := v.key.Load(); current != seen {
		return current, nil
	}
	row, err := v.store.Get(ctx, dataKeyRow)
	if err != nil {
		return nil, lost(err)
	}
	if row.Version == seen.version {
		return seen, nil
	}
	e, err := parseEnvelope(row.Sealed)
	if err != nil {
		return nil, err
	}
	next := &unlocked{sealer: seen.sealer, version: row.Version}
	if !seen.sealer.vouches(e, row.Version) { // not only the source, but the data key is another one
		o, err := unwrapDataKey(ctx, row, v.keys)
		if err != nil {
			return nil, fmt.Errorf("the data key was changed meanwhile: %w", err)
		}
		if next, err = o.unlocked(); err != nil {
			return nil, err
		}
	}
	v.key.Store(next)
	return next, nil
}

// lost gives the absence of the envelope of an open vault its meaning.
func lost(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: the data key is gone", ErrCorrupt)
	}
	return err
}
