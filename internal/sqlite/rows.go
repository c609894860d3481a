package sqlite

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"math"
	"slices"
	"strings"

	"authsome/vault"
)

// The statements of the store. Rows are read through the name that every schema has. A put is one statement that finds
// the expected version or changes nothing.
const (
	selectRow = "SELECT key, version, sealed FROM record WHERE key = ?"
	selectAll = "SELECT key, version, sealed FROM record WHERE key >= ? ORDER BY key"
	// selectRange has an upper bound instead of LIKE, which would give meaning to characters of the prefix.
	selectRange = "SELECT key, version, sealed FROM record WHERE key >= ? AND key < ? ORDER BY key"
	// selectWith finds the row of one more key.
	selectWith = "SELECT key, version, sealed FROM record WHERE key >= ? AND key < ?" +
		" UNION ALL SELECT key, version, sealed FROM record WHERE key = ?"
	insertRow     = "INSERT INTO sealed_record (version, sealed, key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
	updateRow     = "UPDATE sealed_record SET version = ?, sealed = ? WHERE key = ? AND version = ?"
	deleteRow     = "DELETE FROM sealed_record WHERE key = ?"
	deleteVersion = "DELETE FROM sealed_record WHERE key = ? AND version = ?"
	setRow        = "INSERT INTO sealed_record (version, sealed, key) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET version = excluded.version, sealed = excluded.sealed"
	replaceRow    = "UPDATE sealed_record SET version = ?, sealed = ? WHERE key = ?"
)

// Get implements [vault.Store].
func (s *Store) Get(ctx context.Context, key vault.Key) (vault.Row, error) {
	rows, err := s.read(ctx, selectRow, string(key))
	if err == nil && len(rows) == 0 {
		err = vault.ErrNotFound
	}
	if err != nil {
		return vault.Row{}, failed(ctx, "read "+string(key), err)
	}
	return rows[0], nil
}

// List implements [vault.Store].
func (s *Store) List(ctx context.Context, prefix vault.Key) ([]vault.Row, error) {
	query, args := list(prefix)
	rows, err := s.read(ctx, query, args...)
	if err != nil {
		return nil, failed(ctx, fmt.Sprintf("list %q", string(prefix)), err)
	}
	return rows, nil
}

// list returns the query for the rows whose keys begin with prefix.
func list(prefix vault.Key) (query string, args []any) {
	if end := successor(string(prefix)); end != "" {
		return selectRange, []any{string(prefix), end}
	}
	return selectAll, []any{string(prefix)}
}

// read returns the rows that a query finds. Once begun it is not interrupted: it is over after a few pages.
func (s *Store) read(ctx context.Context, query string, args ...any) ([]vault.Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return readRows(context.WithoutCancel(ctx), s.db, query, args...)
}

func readRows(ctx context.Context, db querier, query string, args ...any) ([]vault.Row, error) {
	found, err := db.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	var rows []vault.Row
	for _, values := range found {
		row, err := rowOf(values)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// rowOf makes a row of its columns. A value of another type than the schema demands was not written by us.
func rowOf(columns []driver.Value) (vault.Row, error) {
	k, isText := columns[0].(string)
	v, isInteger := columns[1].(int64)
	b, isBlob := columns[2].([]byte)
	if !isText || !isInteger || !isBlob || v < 1 {
		return vault.Row{}, fmt.Errorf("%w: a row is malformed", vault.ErrCorrupt)
	}
	return vault.Row{Key: vault.Key(k), Version: uint64(v), Sealed: b}, nil
}

// successor returns the first string after all that begin with prefix, or "" when there is no end to them.
func successor(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < math.MaxUint8 {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}

// ListWith implements [vault.Transactor] by one statement, which sees one moment.
func (s *Store) ListWith(ctx context.Context, prefix, also vault.Key) ([]vault.Row, error) {
	end := successor(string(prefix))
	if end == "" || strings.HasPrefix(string(also), string(prefix)) {
		return s.List(ctx, prefix)
	}
	rows, err := s.read(ctx, selectWith, string(prefix), end, string(also))
	if err != nil {
		return nil, failed(ctx, fmt.Sprintf("list %q", string(prefix)), err)
	}
	slices.SortFunc(rows, func(a, b vault.Row) int { return cmp.Compare(a.Key, b.Key) })
	return rows, nil
}

// Put implements [vault.Store].
func (s *Store) Put(ctx context.Context, row vault.Row) error {
	return s.write(ctx, "write "+string(row.Key), func(ctx context.Context, tx transaction) error {
		return put(ctx, tx, row)
	})
}

// Delete implements [vault.Store].
func (s *Store) Delete(ctx context.Context, key vault.Key) error {
	return s.write(ctx, "delete "+string(key), func(ctx context.Context, tx transaction) error {
		return remove(ctx, tx, vault.Row{Key: key})
	})
}

// Batch implements [vault.Batcher].
func (s *Store) Batch(ctx context.Context, mutations []vault.Mutation) error {
	return s.write(ctx, "write a batch", func(ctx context.Context, tx transaction) error {
		return update{tx}.Apply(ctx, mutations)
	})
}

// Update implements [vault.Transactor].
func (s *Store) Update(ctx context.Context, do func(context.Context, vault.Tx) error) error {
	return s.write(ctx, "write", func(ctx context.Context, tx transaction) error { return do(ctx, update{tx}) })
}

// update is the [vault.Tx] of a transaction.
type update struct{ tx transaction }

var _ vault.Tx = update{}

// Get implements [vault.Tx].
func (u update) Get(ctx context.Context, key vault.Key) (vault.Row, error) {
	rows, err := readRows(ctx, u.tx, selectRow, string(key))
	if err == nil && len(rows) == 0 {
		err = vault.ErrNotFound
	}
	if err != nil {
		return vault.Row{}, err
	}
	return rows[0], nil
}

// List implements [vault.Tx].
func (u update) List(ctx context.Context, prefix vault.Key) ([]vault.Row, error) {
	query, args := list(prefix)
	return readRows(ctx, u.tx, query, args...)
}

// Apply implements [vault.Tx].
func (u update) Apply(ctx context.Context, mutations []vault.Mutation) error {
	for _, m := range mutations {
		if err := mutate(ctx, u.tx, m); err != nil {
			return fmt.Errorf("%s: %w", m.Key, err)
		}
	}
	return nil
}

// Set implements [vault.Tx].
func (u update) Set(ctx context.Context, rows []vault.Row) error {
	for _, row := range rows {
		err := vault.ErrConflict
		if row.Version > 0 && row.Version <= math.MaxInt64 {
			_, err = u.tx.exec(ctx, setRow, int64(row.Version), row.Sealed, string(row.Key))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", row.Key, err)
		}
	}
	return nil
}

// write makes a transaction of a write that has not begun when ctx ends. One that has begun is finished: if it were
// interrupted, its caller could not tell whether it took place.
func (s *Store) write(ctx context.Context, what string, do func(context.Context, transaction) error) error {
	err := ctx.Err()
	if err == nil {
		ctx = context.WithoutCancel(ctx)
		err = s.db.transact(ctx, func(tx transaction) error {
			if err := migrate(ctx, tx); err != nil {
				return err
			}
			return do(ctx, tx)
		})
	}
	if err != nil {
		return failed(ctx, what, err)
	}
	s.writes.Add(1)
	return nil
}

func mutate(ctx context.Context, tx transaction, m vault.Mutation) error {
	switch {
	case m.Check:
		return check(ctx, tx, m.Row)
	case m.Delete:
		return remove(ctx, tx, m.Row)
	}
	return put(ctx, tx, m.Row)
}

func check(ctx context.Context, db querier, row vault.Row) error {
	rows, err := readRows(ctx, db, selectRow, string(row.Key))
	if err == nil && (len(rows) != 1 || rows[0].Version != row.Version) {
		return vault.ErrConflict
	}
	return err
}

func put(ctx context.Context, db execer, row vault.Row) error {
	switch {
	case row.Version == 0 || row.Version > math.MaxInt64:
		return vault.ErrConflict
	case row.Version == 1:
		return expectOne(db.exec(ctx, insertRow, int64(1), row.Sealed, string(row.Key)))
	default:
		version := int64(row.Version)
		return expectOne(db.exec(ctx, updateRow, version, row.Sealed, string(row.Key), version-1))
	}
}

func remove(ctx context.Context, db execer, row vault.Row) error {
	if row.Version == 0 {
		_, err := db.exec(ctx, deleteRow, string(row.Key))
		return err
	}
	if row.Version > math.MaxInt64 {
		return vault.ErrConflict
	}
	return expectOne(db.exec(ctx, deleteVersion, string(row.Key), int64(row.Version)))
}

func expectOne(changed int64, err error) error {
	if err != nil {
		return err
	}
	if changed != 1 {
		return vault.ErrConflict
	}
	return nil
}
