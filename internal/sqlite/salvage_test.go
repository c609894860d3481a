package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"authsome/internal/sqlite"
	"authsome/vault"
)

// Whatever page is damaged, what lies on the others is found again, and nothing that was never written.
func TestSalvageFindsWhatIsOnOtherPages(t *testing.T) {
	t.Parallel()
	const records = 60
	path := filepath.Join(t.TempDir(), "vault.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill := func(ctx context.Context, tx vault.Tx) error {
		for i := range records {
			row := vault.Row{Key: vault.Key(fmt.Sprintf("key/%02d", i)), Version: 1, Sealed: bytes.Repeat([]byte{byte(i)}, 700)}
			if err := tx.Put(ctx, row); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(store.Update(t.Context(), fill), store.Close()); err != nil {
		t.Fatal(err)
	}
	db := mustRead(t, path)
	best := 0
	for page := 1; page < len(db)/4096; page++ {
		damaged := bytes.Clone(db)
		copy(damaged[page*4096:(page+1)*4096], bytes.Repeat([]byte{0xff}, 4096))
		rows := salvage(t, damaged)
		best = max(best, len(rows))
		for _, row := range rows {
			if len(row.Sealed) != 700 {
				t.Errorf("page %d: a row of %d bytes", page, len(row.Sealed))
			}
		}
	}
	if best < records-10 {
		t.Errorf("at best %d of %d rows were found", best, records)
	}
	for _, cut := range []int{len(db) - 1, len(db) - 4096, len(db) - 5000} {
		if rows := salvage(t, db[:cut]); len(rows) < records-15 {
			t.Errorf("%d of %d bytes: %d rows", cut, len(db), len(rows))
		}
	}
	if rows := salvage(t, db); len(rows) != records {
		t.Errorf("%d rows of a sound file", len(rows))
	}
}

func salvage(t *testing.T, content []byte) []vault.Row {
	t.Helper()
	home := homeWith(t, content, beside{})
	path := filepath.Join(home, "vault.db")
	rows, err := sqlite.Salvage(t.Context(), path, t.TempDir())
	if err != nil {
		return nil
	}
	if !bytes.Equal(mustRead(t, path), content) {
		t.Error("the damaged file was changed")
	}
	return rows
}
