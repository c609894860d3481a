package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"authsome/vault"
)

// Put writes one row on top of the version before it.
func Put(ctx context.Context, store vault.Store, row vault.Row) error {
	return store.Update(ctx, func(ctx context.Context, tx vault.Tx) error { return tx.Put(ctx, row) })
}

// Delete removes a row, whatever its version.
func Delete(ctx context.Context, store vault.Store, key vault.Key) error {
	return store.Update(ctx, func(ctx context.Context, tx vault.Tx) error { return tx.Delete(ctx, key, 0) })
}

func testUpdate(t *testing.T, opener Opener) {
	store := open(t, opener)
	mustPut(t, store, vault.Row{Key: "a", Version: 1, Sealed: []byte("1")}, vault.Row{Key: "c", Version: 1, Sealed: []byte("1")})
	update := func(end error) error {
		return store.Update(t.Context(), func(ctx context.Context, tx vault.Tx) error {
			row, err := tx.Get(ctx, "a")
			if err != nil {
				return err
			}
			row.Version++
			err = errors.Join(
				tx.Put(ctx, row), tx.Set(ctx, vault.Row{Key: "b", Version: 7, Sealed: []byte("7")}), tx.Delete(ctx, "c", 0),
			)
			_, missing := tx.Get(ctx, "c")
			wantError(t, "get what was removed just now", missing, vault.ErrNotFound)
			if rows, listErr := tx.List(ctx, "", "a", "absent"); listErr != nil || len(rows) != 2 || rows[0].Version != row.Version {
				t.Errorf("a transaction does not see what it has done: %v, %v", rows, listErr)
			}
			return errors.Join(err, end)
		})
	}
	failure := errors.New("given up")
	wantError(t, "an update that fails", update(failure), failure)
	wantRows(t, store, "", vault.Row{Key: "a", Version: 1, Sealed: []byte("1")}, vault.Row{Key: "c", Version: 1, Sealed: []byte("1")})
	for version := uint64(2); version < 4; version++ {
		if err := update(nil); err != nil {
			t.Fatal(err)
		}
		wantRows(t, open(t, opener), "",
			vault.Row{Key: "a", Version: version, Sealed: []byte("1")}, vault.Row{Key: "b", Version: 7, Sealed: []byte("7")})
	}
	if err := store.Update(t.Context(), func(context.Context, vault.Tx) error { return nil }); err != nil {
		t.Errorf("an update that does nothing: %v", err)
	}
}

// A row that meets another version than it expects takes with it what was done before.
func testConflict(t *testing.T, opener Opener) {
	store := open(t, opener)
	a1, b1 := vault.Row{Key: "a", Version: 1, Sealed: []byte("1")}, vault.Row{Key: "b", Version: 1, Sealed: []byte("1")}
	mustPut(t, store, a1, b1)
	err := store.Update(t.Context(), func(ctx context.Context, tx vault.Tx) error {
		if err := errors.Join(
			tx.Put(ctx, vault.Row{Key: "a", Version: 2, Sealed: []byte("2")}), tx.Delete(ctx, "b", 1),
			tx.Put(ctx, vault.Row{Key: "c", Version: 1, Sealed: []byte("1")}),
		); err != nil {
			t.Error(err)
		}
		return tx.Put(ctx, vault.Row{Key: "c", Version: 1, Sealed: []byte("1")})
	})
	wantError(t, "an update with a stale version", err, vault.ErrConflict)
	wantRows(t, store, "", a1, b1)
}

func testDeleteVersions(t *testing.T, opener Opener) {
	store := open(t, opener)
	row := vault.Row{Key: "a", Version: 1, Sealed: []byte("1")}
	mustPut(t, store, row)
	remove := func(key vault.Key, version uint64) error {
		return store.Update(t.Context(), func(ctx context.Context, tx vault.Tx) error { return tx.Delete(ctx, key, version) })
	}
	for _, version := range []uint64{2, 1<<64 - 1} {
		wantError(t, fmt.Sprintf("deletion of version %d", version), remove("a", version), vault.ErrConflict)
	}
	wantError(t, "deletion of a version that is not there", remove("absent", 1), vault.ErrConflict)
	wantRows(t, store, "", row)
	if err := errors.Join(remove("a", 1), remove("absent", 0)); err != nil {
		t.Fatalf("delete: %v", err)
	}
	wantRows(t, store, "")
}

func testSet(t *testing.T, opener Opener) {
	store := open(t, opener)
	mustPut(t, store, vault.Row{Key: "a", Version: 1, Sealed: []byte("1")})
	set := func(row vault.Row) error {
		return store.Update(t.Context(), func(ctx context.Context, tx vault.Tx) error { return tx.Set(ctx, row) })
	}
	same, other := vault.Row{Key: "a", Version: 1, Sealed: []byte("x")}, vault.Row{Key: "b", Version: 7, Sealed: []byte("y")}
	if err := errors.Join(set(same), set(other)); err != nil {
		t.Fatal(err)
	}
	wantError(t, "a row without a version", set(vault.Row{Key: "a", Sealed: []byte("z")}), vault.ErrConflict)
	wantRows(t, open(t, opener), "", same, other)
}

// Rows are put while all are written anew; each has to come out of that, or to be put after it.
func testUpdateExcludes(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	const puts = 20
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range puts {
			row := vault.Row{Key: vault.Key(fmt.Sprintf("k%02d", n)), Version: 1, Sealed: []byte("put")}
			if err := Put(t.Context(), stores[1], row); err != nil {
				t.Errorf("put: %v", err)
			}
		}
	})
	for range 5 {
		seen := 0
		err := stores[0].Update(t.Context(), func(ctx context.Context, tx vault.Tx) error {
			rows, err := tx.List(ctx, "")
			seen = len(rows)
			for _, row := range rows {
				row.Sealed = []byte("rewritten")
				err = errors.Join(err, tx.Set(ctx, row))
			}
			return err
		})
		if err != nil {
			t.Errorf("update: %v", err)
		}
		rewritten := 0
		rows, _ := stores[0].List(t.Context(), "")
		for _, row := range rows {
			if string(row.Sealed) == "rewritten" {
				rewritten++
			}
		}
		if rewritten != seen {
			t.Errorf("%d rows were rewritten, %d of them are there", seen, rewritten)
		}
	}
	wg.Wait()
}
