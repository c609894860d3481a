package sqlite

import (
	"context"
	"database/sql"
	"errors"
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
	selectVersion = "SELECT version FROM record WHERE key = ?"
	replaceRow    = "UPDATE record SET version = ?, sealed = ? WHERE key = ?"
)

// execer is a database or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Get implements [vault.Store].
func (s *Store) Get(ctx context.Context, key vault.Key) (vault.Row, error) {
	row, err := scan(s.db.QueryRowContext(ctx, selectRow, string(key)))
	if errors.Is(err, sql.ErrNoRows) {
		err = vault.ErrNotFound
	}
	if err != nil {
		return vault.Row{}, failed(ctx, "read "+string(key), err)
	}
	return row, nil
}

// List implements [vault.Store].
func (s *Store) List(ctx context.Context, prefix vault.Key) ([]vault.Row, error) {
	rows, err := s.list(ctx, prefix)
	if err != nil {
		return nil, failed(ctx, fmt.Sprintf("list %q", string(prefix)), err)
	}
	return rows, nil
}

func (s *Store) list(ctx context.Context, prefix vault.Key) ([]vault.Row, error) {
	query, args := selectAll, []any{string(prefix)}
	if end := successor(string(prefix)); end != "" {
		query, args = selectRange, append(args, end)
	}
	return collect(s.db.QueryContext(ctx, query, args...))
}

// collect reads a whole result.
func collect(rows *sql.Rows, queryErr error) (found []vault.Row, err error) {
	if queryErr != nil {
		return nil, queryErr
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

// scan reads the present row of a result. A value of another type than the schema demands was not written by us.
func scan(result interface{ Scan(dest ...any) error }) (vault.Row, error) {
	var key, version, sealed any
	if err := result.Scan(&key, &version, &sealed); err != nil {
		return vault.Row{}, err
	}
	k, isText := key.(string)
	v, isInteger := version.(int64)
	b, isBlob := sealed.([]byte)
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
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // no effect after a commit
		for _, m := range mutations {
			if err := mutate(ctx, tx, m); err != nil {
				return fmt.Errorf("%s: %w", m.Key, err)
			}
		}
		return tx.Commit()
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

func mutate(ctx context.Context, db execer, m vault.Mutation) error {
	switch {
	case m.Check:
		return check(ctx, db, m.Row)
	case m.Delete:
		return remove(ctx, db, m.Row)
	}
	return put(ctx, db, m.Row)
}

func check(ctx context.Context, db execer, row vault.Row) error {
	var version uint64
	err := db.QueryRowContext(ctx, selectVersion, string(row.Key)).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) || err == nil && version != row.Version {
		return vault.ErrConflict
	}
	return err
}

func put(ctx context.Context, db execer, row vault.Row) error {
	switch {
	case row.Version == 0 || row.Version > math.MaxInt64:
		return vault.ErrConflict
	case row.Version == 1:
		return expectOne(db.ExecContext(ctx, insertRow, 1, row.Sealed, string(row.Key)))
	default:
		return expectOne(db.ExecContext(ctx, updateRow, row.Version, row.Sealed, string(row.Key), row.Version-1))
	}
}

func remove(ctx context.Context, db execer, row vault.Row) error {
	if row.Version == 0 {
		_, err := db.ExecContext(ctx, deleteRow, string(row.Key))
		return err
	}
	if row.Version > math.MaxInt64 {
		return vault.ErrConflict
	}
	return expectOne(db.ExecContext(ctx, deleteVersion, string(row.Key), row.Version))
}

func expectOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	changed, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if changed != 1 {
		return vault.ErrConflict
	}
	return nil
}
