package sqlite

import (
	"context"
	"fmt"

	"authsome/vault"
)

// Rewrite implements [vault.Rewriter]. The transaction is immediate: from before the first row is read, nobody else writes.
func (s *Store) Rewrite(ctx context.Context, change func([]vault.Row) ([]vault.Row, error)) error {
	return s.write(ctx, "rewrite the records", func(ctx context.Context) error {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // no effect after a commit
		rows, err := collect(tx.QueryContext(ctx, selectAll, ""))
		if err != nil {
			return err
		}
		if rows, err = change(rows); err != nil {
			return err
		}
		for _, row := range rows {
			if err := expectOne(tx.ExecContext(ctx, replaceRow, row.Version, row.Sealed, string(row.Key))); err != nil {
				return fmt.Errorf("%s: %w", row.Key, err)
			}
		}
		return tx.Commit()
	})
}
