package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math"

	"authsome/vault"
)

// The statements of the store. A put is one statement that finds the expected version or changes nothing.
const (
	selectRow = "SELECT key, version, sealed FROM record WHERE key = ?"
	selectAll = "SELECT key, version, sealed FROM record WHERE key >= ? ORDER BY key"
	// selectRange has an upper bound instead of LIKE, which would give meaning to characters of the prefix.
	selectRange   = "SELECT key, version, sealed FROM record WHERE key >= ? AND key < ? ORDER BY key"
	insertRow     = "INSERT INTO record (version, sealed, key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
	updateRow     = "UPDATE record SET version = ?, sealed = ? WHERE key = ? AND version = ?"
	deleteRow     = "DELETE FROM record WHERE key = ?"
	deleteVersion = "DELETE FROM record WHERE key = ? AND version = ?"
	replaceRow    = "UPDATE record SET version = ?, sealed = ? WHERE key = ?"
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
	query, args := selectAll, []any{string(prefix)}
	if end := successor(string(prefix)); end != "" {
		query, args = selectRange, append(args, end)
	}
	rows, err := s.read(ctx, query, args...)
	if err != nil {
		return nil, failed(ctx, fmt.Sprintf("list %q", string(prefix)), err)
	}
	return rows, nil
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

// Put implements [vault.Store].
func (s *Store) Put(ctx context.Context, row vault.Row) error {
	return s.write(ctx, "write "+string(row.Key), func(ctx context.Context) error {
		return put(ctx, s.db, row)
	})
}

// Delete implements [vault.Store].
func (s *Store) Delete(ctx context.Context, key vault.Key) error {
	return s.write(ctx, "delete "+string(key), func(ctx context.Context) error {
		return remove(ctx, s.db, vault.Row{Key: key})
	})
}

// Batch implements [vault.Batcher].
func (s *Store) Batch(ctx context.Context, mutations []vault.Mutation) error {
	return s.write(ctx, "write a batch", func(ctx context.Context) error {
		return s.db.transact(ctx, func(tx transaction) error {
			for _, m := range mutations {
				if err := mutate(ctx, tx, m); err != nil {
					return fmt.Errorf("%s: %w", m.Key, err)
				}
			}
			return nil
		})
	})
}

// write runs a write that has not begun when ctx ends. One that has begun is finished: if it were interrupted, its
// caller could not tell whether it took place.
func (s *Store) write(ctx context.Context, what string, do func(context.Context) error) error {
	err := ctx.Err()
	if err == nil {
		ctx = context.WithoutCancel(ctx)
		err = do(ctx)
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
