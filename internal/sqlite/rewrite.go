package sqlite

import (
	"context"
	"fmt"
	"math"

	"authsome/vault"
)

// Rewrite implements [vault.Rewriter]. The transaction is immediate: from before the first row is read, nobody else writes.
func (s *Store) Rewrite(ctx context.Context, change func([]vault.Row) ([]vault.Row, error)) error {
	return s.write(ctx, "rewrite the records", func(ctx context.Context, tx transaction) error {
		rows, err := readRows(ctx, tx, selectAll, "")
		if err != nil {
			return err
		}
		if rows, err = change(rows); err != nil {
			return err
		}
		for _, row := range rows {
			err := vault.ErrConflict
			if row.Version <= math.MaxInt64 {
				err = expectOne(tx.exec(ctx, replaceRow, int64(row.Version), row.Sealed, string(row.Key)))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", row.Key, err)
			}
		}
		return nil
	})
}
