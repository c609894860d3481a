package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"authsome/vault"
)

// Rows are the rows of a store, and the [vault.Tx] that changes them. Whoever wants to be able to go back changes a copy. They
// are not safe for concurrent use.
type Rows map[vault.Key]vault.Row

var _ vault.Tx = Rows(nil)

// Get implements [vault.Tx].
func (r Rows) Get(ctx context.Context, key vault.Key) (vault.Row, error) {
	err := ctx.Err()
	row, ok := r[key]
	if err == nil && !ok {
		err = vault.ErrNotFound
	}
	if err != nil {
		return vault.Row{}, fmt.Errorf("read %s: %w", key, err)
	}
	return clone(row), nil
}

// List implements [vault.Tx].
func (r Rows) List(ctx context.Context, prefix vault.Key, others ...vault.Key) ([]vault.Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list %q: %w", prefix, err)
	}
	var found []vault.Row
	for _, key := range slices.Sorted(maps.Keys(r)) {
		if strings.HasPrefix(string(key), string(prefix)) || slices.Contains(others, key) {
			found = append(found, clone(r[key]))
		}
	}
	return found, nil
}

// Put implements [vault.Tx].
func (r Rows) Put(_ context.Context, row vault.Row) error {
	if row.Version == 0 || row.Version-1 != r[row.Key].Version { // which is 0 where there is none
		return fmt.Errorf("%s: %w", row.Key, vault.ErrConflict)
	}
	r[row.Key] = clone(row)
	return nil
}

// Set implements [vault.Tx].
func (r Rows) Set(_ context.Context, row vault.Row) error {
	if row.Version == 0 {
		return fmt.Errorf("%s: %w", row.Key, vault.ErrConflict)
	}
	r[row.Key] = clone(row)
	return nil
}

// Delete implements [vault.Tx].
func (r Rows) Delete(_ context.Context, key vault.Key, version uint64) error {
	if version != 0 && version != r[key].Version {
		return fmt.Errorf("%s: %w", key, vault.ErrConflict)
	}
	delete(r, key)
	return nil
}

func clone(row vault.Row) vault.Row {
	row.Sealed = slices.Clone(row.Sealed)
	return row
}
