package vault

import (
	"context"
	"fmt"
	"slices"
)

// Examination is what [Vault.Examine] found.
type Examination struct {
	Generation uint64 // how many changes the vault has seen; 0 if it was last changed by a version that did not count
	Records    int    // that are whole
	// RolledBack is why the vault is not the one that was used last, or nil.
	RolledBack error
	// Unlisted is why the list of records cannot be used, or nil.
	Unlisted error
	Lost     []LostRecord
}

// LostRecord is a record that cannot be used.
type LostRecord struct {
	Key Key
	Err error
}

// OK reports whether everything is as it was written last.
func (e *Examination) OK() bool {
	return e.RolledBack == nil && e.Unlisted == nil && len(e.Lost) == 0
}

// Examine reads everything and says what is wrong with each record, where the other methods fail with the first. It
// fails when the storage cannot be read.
func (v *Vault) Examine(ctx context.Context) (*Examination, error) {
	seen := v.seen.Load()
	k, err := v.readMarks(ctx)
	if err != nil {
		return nil, err
	}
	all, err := v.store.List(ctx, "")
	if err != nil {
		return nil, err
	}
	key, err := v.currentKey(ctx)
	if err != nil {
		return nil, err
	}
	found, _ := examine(key, all)
	if found.Unlisted == nil {
		_, m, _ := split(key, all) // it was opened just now
		found.RolledBack = v.current(m, k, seen)
	}
	return found, nil
}

// Check examines the structure of the storage, if the store can do so.
func (v *Vault) Check(ctx context.Context) error {
	if checker, ok := v.store.(interface {
		Check(ctx context.Context) error
	}); ok {
		return checker.Check(ctx)
	}
	return nil
}

// examine sorts rows into whole records and lost ones.
func examine(s sealer, all []Row) (*Examination, []Record) {
	found := &Examination{}
	rows, m, err := split(s, all)
	if err == nil && m == nil {
		err = neverListed(rows)
	}
	found.Unlisted = err
	if m != nil {
		found.Generation = m.generation
	}
	var whole []Record
	present := make(map[Key]bool, len(rows))
	for _, row := range rows {
		if isReserved(row.Key) || present[row.Key] {
			continue
		}
		present[row.Key] = true
		rec, err := s.open(row)
		if err == nil && m != nil {
			err = compare(m.exactly(row.Key), []Row{row})
		}
		if err != nil {
			found.Lost = append(found.Lost, LostRecord{Key: row.Key, Err: err})
			continue
		}
		whole = append(whole, rec)
	}
	if m != nil {
		for _, e := range m.entries {
			if !present[e.key] {
				found.Lost = append(found.Lost, LostRecord{Key: e.key, Err: compare([]entry{e}, nil)})
			}
		}
	}
	found.Records = len(whole)
	return found, whole
}

// exactly returns the entry of a key, if there is one.
func (m *manifest) exactly(key Key) []entry {
	at, found := m.find(key)
	if !found {
		return nil
	}
	return m.entries[at : at+1]
}

// Accept takes the vault for the one that was used last, whatever the mark says, after a person has said so. It returns
// the generation that the vault is at. It fails with [ErrCorrupt] when a record is not what the vault's own list says:
// such a vault was tampered with, and is for [Salvage].
func (v *Vault) Accept(ctx context.Context) (generation uint64, err error) {
	all, err := v.store.List(ctx, "")
	if err != nil {
		return 0, err
	}
	key, err := v.currentKey(ctx)
	if err != nil {
		return 0, err
	}
	rows, m, err := split(key, all)
	if err != nil {
		return 0, err
	}
	if m == nil {
		m = &manifest{} // made anew by the next change
		err = neverListed(rows)
	} else {
		err = compare(m.entries, rows)
	}
	if err != nil {
		return 0, err
	}
	v.seen.Store(0)
	return m.generation, v.beginMark(ctx, m)
}

// Salvage writes what can be read of the rows of a damaged vault into an empty store, under the same data key. Rows are
// what could still be had of its storage; identity and history of the vault begin anew. It fails without having written
// a record when the data key is among what is lost.
func Salvage(ctx context.Context, rows []Row, keys KeySource, to Store) (*Examination, error) {
	at := slices.IndexFunc(rows, func(row Row) bool { return row.Key == dataKeyRow })
	if at < 0 {
		return nil, fmt.Errorf("%w: the data key is lost, and without it no record can be opened", ErrCorrupt)
	}
	o, err := unwrapDataKey(ctx, rows[at], keys)
	if err != nil {
		return nil, err
	}
	key, err := o.unlocked()
	if err != nil {
		return nil, err
	}
	err = to.Update(ctx, func(ctx context.Context, tx Tx) error { return tx.Set(ctx, rows[at]) })
	if err != nil {
		return nil, err
	}
	v := &Vault{store: to, keys: keys}
	v.key.Store(key)
	found, whole := examine(key.sealer, rows)
	changes := make([]Change, len(whole))
	for i, rec := range whole {
		changes[i] = Change{Key: rec.Key, Value: rec.Value}
	}
	return found, v.Apply(ctx, changes...)
}

// currentKey returns the sealer of the data key that is in use now.
func (v *Vault) currentKey(ctx context.Context) (sealer, error) {
	key, err := v.renew(ctx, v.key.Load())
	if err != nil {
		return sealer{}, err
	}
	return key.sealer, nil
}
