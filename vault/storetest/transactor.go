package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authsome/vault"
)

// transactor skips a test of an ability that a store does not have.
func transactor(t *testing.T, store vault.Store) vault.Transactor {
	t.Helper()
	tr, ok := store.(vault.Transactor)
	if !ok {
		t.Skip("not a vault.Transactor")
	}
	return tr
}

func testUpdate(t *testing.T, opener Opener) {
	store := open(t, opener)
	tr := transactor(t, store)
	mustPut(t, store, vault.Row{Key: "a", Version: 1, Sealed: []byte("1")})
	failure := errors.New("given up")
	update := func(end error) error {
		return tr.Update(t.Context(), func(ctx context.Context, tx vault.Tx) error {
			row, err := tx.Get(ctx, "a")
			if err != nil {
				return err
			}
			row.Version++
			err = tx.Apply(ctx, []vault.Mutation{{Row: row}})
			if err == nil {
				err = tx.Set(ctx, []vault.Row{{Key: "b", Version: 7, Sealed: []byte("7")}})
			}
			_, missing := tx.Get(ctx, "absent")
			wantError(t, "get what is not there", missing, vault.ErrNotFound)
			if rows, listErr := tx.List(ctx, ""); listErr != nil || len(rows) < 2 || rows[0].Version != row.Version {
				t.Errorf("a transaction does not see what it has done: %v, %v", rows, listErr)
			}
			return errors.Join(err, end)
		})
	}
	wantError(t, "an update that fails", update(failure), failure)
	wantRows(t, store, "", vault.Row{Key: "a", Version: 1, Sealed: []byte("1")})
	for version := uint64(2); version < 4; version++ {
		if err := update(nil); err != nil {
			t.Fatal(err)
		}
		wantRows(t, open(t, opener), "",
			vault.Row{Key: "a", Version: version, Sealed: []byte("1")}, vault.Row{Key: "b", Version: 7, Sealed: []byte("7")})
	}
}

func testListWith(t *testing.T, opener Opener) {
	store := open(t, opener)
	tr := transactor(t, store)
	rows := make(map[vault.Key]vault.Row)
	for _, key := range []vault.Key{"a/1", "a/2", "b", "m/x", "z"} {
		rows[key] = vault.Row{Key: key, Version: 1, Sealed: []byte(key)}
		mustPut(t, store, rows[key])
	}
	for _, tt := range []struct{ prefix, also vault.Key }{{"a/", "m/x"}, {"z", "m/x"}, {"", "m/x"}, {"m", "m/x"}, {"a/", "absent"}, {"none", "m/x"}} {
		var want []vault.Row
		for _, key := range []vault.Key{"a/1", "a/2", "b", "m/x", "z"} {
			if key == tt.also || len(key) >= len(tt.prefix) && key[:len(tt.prefix)] == tt.prefix {
				want = append(want, rows[key])
			}
		}
		got, err := tr.ListWith(t.Context(), tt.prefix, tt.also)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("list %q with %q (-want +got):\n%s", tt.prefix, tt.also, diff)
		}
	}
}

func testMark(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	marker, ok := stores[0].(vault.Marker)
	if !ok {
		t.Skip("not a vault.Marker")
	}
	other, _ := stores[1].(vault.Marker)
	if b, err := marker.Mark(t.Context()); b != nil || err != nil {
		t.Errorf("before: %q, %v", b, err)
	}
	for i, mark := range []string{"one", "two", "a longer one", ""} {
		if err := marker.SetMark(t.Context(), []byte(mark), i%2 == 0); err != nil {
			t.Fatal(err)
		}
		if b, err := other.Mark(t.Context()); b == nil || string(b) != mark || err != nil {
			t.Errorf("got %q, %v; want %q", b, err, mark)
		}
	}
}
