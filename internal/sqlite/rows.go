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
	selectRow  = "SELECT key, version, sealed FROM record WHERE key = ?"
	selectFrom = "SELECT key, version, sealed FROM record WHERE key >= ?"
	// untilKey is an upper bound instead of LIKE, which would give meaning to characters of the prefix.
	untilKey      = " AND key < ?"
	andRow        = " UNION ALL " + selectRow
	insertRow     = "INSERT INTO sealed_record (version, sealed, key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
	updateRow     = "UPDATE sealed_record SET version = ?, sealed = ? WHERE key = ? AND version = ?"
	deleteRow     = "DELETE FROM sealed_record WHERE key = ?"
	deleteVersion = "DELETE FROM sealed_record WHERE key = ? AND version = ?"
	setRow        = "INSERT INTO sealed_record (version, sealed, key) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET version = excluded.version, sealed = excluded.sealed"
)

// Get implements [vault.Store].
func (s *Store) Get(ctx context.Context, key vault.Key) (vault.Row, error) {
	// A command that lists, too, has one query compiled for both.
	rows, err := s.read(ctx, selectFrom+untilKey+andRow, "", "", string(key))
	if err == nil && len(rows) == 0 {
		err = vault.ErrNotFound
	}
	if err != nil {
		return vault.Row{}, failed(ctx, "read "+string(key), err)
	}
	return rows[0], nil
}

// List implements [vault.Store] by one statement, which sees one moment.
func (s *Store) List(ctx context.Context, prefix vault.Key, others ...vault.Key) ([]vault.Row, error) {
	query, args := list(prefix, others)
	rows, err := s.read(ctx, query, args...)
	if err != nil {
		return nil, failed(ctx, fmt.Sprintf("list %q", string(prefix)), err)
	}
	return rows, nil
}

// list returns the query for the rows whose keys begin with prefix, and for others.
func list(prefix vault.Key, others []vault.Key) (query string, args []any) {
	query, args = selectFrom, []any{string(prefix)}
	if end := successor(string(prefix)); end != "" {
		query, args = query+untilKey, append(args, end)
	}
	for _, other := range others {
		if !strings.HasPrefix(string(other), string(prefix)) {
			query, args = query+andRow, append(args, string(other))
		}
	}
	return query, args
}

// read returns the rows that a query finds. Once begun it is not interrupted: it is over after a few pages.
func (s *Store) read(ctx context.Context, query string, args ...any) ([]vault.Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return readRows(context.WithoutCancel(ctx), s.db, query, args...)
}

// readRows returns what a query finds in the order of the keys.
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
	slices.SortFunc(rows, func(a, b vault.Row) int { return cmp.Compare(a.Key, b.Key) })
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

// Update implements [vault.Store].
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
func (u update) List(ctx context.Context, prefix vault.Key, others ...vault.Key) ([]vault.Row, error) {
	query, args := list(prefix, others)
	return readRows(ctx, u.tx, query, args...)
}

// Put implements [vault.Tx] by one statement.
func (u update) Put(ctx context.Context, row vault.Row) error {
	err := vault.ErrConflict
	switch {
	case row.Version == 0 || row.Version > math.MaxInt64:
	case row.Version == 1:
		err = expectOne(u.tx.exec(ctx, insertRow, int64(1), row.Sealed, string(row.Key)))
	default:
		version := int64(row.Version)
		err = expectOne(u.tx.exec(ctx, updateRow, version, row.Sealed, string(row.Key), version-1))
	}
	return of(row.Key, err)
}

// Set implements [vault.Tx].
func (u update) Set(ctx context.Context, row vault.Row) error {
	err := vault.ErrConflict
	if row.Version > 0 && row.Version <= math.MaxInt64 {
		_, err = u.tx.exec(ctx, setRow, int64(row.Version), row.Sealed, string(row.Key))
	}
	return of(row.Key, err)
}

// Delete implements [vault.Tx].
func (u update) Delete(ctx context.Context, key vault.Key, version uint64) error {
	err := vault.ErrConflict
	switch {
	case version == 0:
		_, err = u.tx.exec(ctx, deleteRow, string(key))
	case version <= math.MaxInt64:
		err = expectOne(u.tx.exec(ctx, deleteVersion, string(key), int64(version)))
	}
	return of(key, err)
}

// of says which row an error is about.
func of(key vault.Key, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, err)
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

func expectOne(changed int64, err error) error {
	if err != nil {
		return err
	}
	if changed != 1 {
		return vault.ErrConflict
	}
	return nil
}
