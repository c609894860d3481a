package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authsome/vault"
)

// ability returns what a store can do beyond [vault.Store], or skips a test of what it cannot do.
func ability[T any](t *testing.T, store vault.Store) T {
	t.Helper()
	able, ok := store.(T)
	if !ok {
		t.Skipf("not a %v", reflect.TypeFor[T]())
	}
	return able
}

func testBatch(t *testing.T, opener Opener) {
	store := open(t, opener)
	b := ability[vault.Batcher](t, store)
	a1 := vault.Row{Key: "a", Version: 1, Sealed: []byte("1")}
	a2 := vault.Row{Key: "a", Version: 2, Sealed: []byte("2")}
	b1 := vault.Row{Key: "b", Version: 1, Sealed: []byte("1")}
	c1 := vault.Row{Key: "c", Version: 1, Sealed: []byte("1")}
	mustPut(t, store, a1, b1)

	err := b.Batch(t.Context(), []vault.Mutation{
		{Row: a2}, {Row: vault.Row{Key: "b"}, Delete: true}, {Row: c1}, {Row: c1},
	})
	wantError(t, "a batch with a stale version", err, vault.ErrConflict)
	wantRows(t, store, "", a1, b1)

	if err := b.Batch(t.Context(), []vault.Mutation{
		{Row: a2}, {Row: vault.Row{Key: "b"}, Delete: true}, {Row: c1},
	}); err != nil {
		t.Fatalf("batch: %v", err)
	}
	wantRows(t, open(t, opener), "", a2, c1)

	if err := b.Batch(t.Context(), nil); err != nil {
		t.Errorf("empty batch: %v", err)
	}
}

func testBatchDelete(t *testing.T, opener Opener) {
	store := open(t, opener)
	b := ability[vault.Batcher](t, store)
	row := vault.Row{Key: "a", Version: 1, Sealed: []byte("1")}
	mustPut(t, store, row)
	for _, version := range []uint64{2, 1<<64 - 1} {
		err := b.Batch(t.Context(), []vault.Mutation{{Row: vault.Row{Key: "a", Version: version}, Delete: true}})
		wantError(t, "delete of another version", err, vault.ErrConflict)
	}
	err := b.Batch(t.Context(), []vault.Mutation{{Row: vault.Row{Key: "absent", Version: 1}, Delete: true}})
	wantError(t, "delete of a version that is not there", err, vault.ErrConflict)
	wantRows(t, store, "", row)
	if err := b.Batch(t.Context(), []vault.Mutation{
		{Row: vault.Row{Key: "a", Version: 1}, Delete: true}, {Row: vault.Row{Key: "absent"}, Delete: true},
	}); err != nil {
		t.Fatalf("delete: %v", err)
	}
	wantRows(t, store, "")
}

func testBatchCheck(t *testing.T, opener Opener) {
	store := open(t, opener)
	b := ability[vault.Batcher](t, store)
	a1 := vault.Row{Key: "a", Version: 1, Sealed: []byte("1")}
	b1 := vault.Row{Key: "b", Version: 1, Sealed: []byte("1")}
	mustPut(t, store, a1)
	for _, version := range []uint64{0, 2, 1<<64 - 1} {
		err := b.Batch(t.Context(), []vault.Mutation{{Row: vault.Row{Key: "a", Version: version}, Check: true}, {Row: b1}})
		wantError(t, fmt.Sprintf("a check for version %d", version), err, vault.ErrConflict)
	}
	for _, version := range []uint64{0, 1} {
		err := b.Batch(t.Context(), []vault.Mutation{{Row: b1}, {Row: vault.Row{Key: "absent", Version: version}, Check: true}})
		wantError(t, "a check of what is not there", err, vault.ErrConflict)
	}
	wantRows(t, store, "", a1)
	if err := b.Batch(t.Context(), []vault.Mutation{{Row: vault.Row{Key: "a", Version: 1}, Check: true}, {Row: b1}}); err != nil {
		t.Fatalf("a check for the stored version: %v", err)
	}
	wantRows(t, store, "", a1, b1)
}

func testRewrite(t *testing.T, opener Opener) {
	store := open(t, opener)
	r := ability[vault.Rewriter](t, store)
	a1 := vault.Row{Key: "a", Version: 1, Sealed: []byte("1")}
	b1 := vault.Row{Key: "b", Version: 1, Sealed: []byte("1")}
	c1 := vault.Row{Key: "c", Version: 1, Sealed: []byte("1")}
	mustPut(t, store, c1, a1, b1)
	given := errors.New("given up")
	err := r.Rewrite(t.Context(), func([]vault.Row) ([]vault.Row, error) { return nil, given })
	wantError(t, "a change that fails", err, given)
	err = r.Rewrite(t.Context(), func([]vault.Row) ([]vault.Row, error) {
		return []vault.Row{{Key: "a", Version: 1, Sealed: []byte("2")}, {Key: "absent", Version: 1, Sealed: []byte("2")}}, nil
	})
	wantError(t, "a row that is not there", err, vault.ErrConflict)
	wantRows(t, store, "", a1, b1, c1)

	a, b := vault.Row{Key: "a", Version: 1, Sealed: []byte("same version")}, vault.Row{Key: "b", Version: 7, Sealed: []byte("x")}
	err = r.Rewrite(t.Context(), func(rows []vault.Row) ([]vault.Row, error) {
		if diff := cmp.Diff([]vault.Row{a1, b1, c1}, rows); diff != "" {
			t.Errorf("rewrite is given (-want +got):\n%s", diff)
		}
		return []vault.Row{a, b}, nil
	})
	if err != nil {
		t.Fatalf("rewrite: %v", err)
	}
	wantRows(t, open(t, opener), "", a, b, c1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = r.Rewrite(ctx, func([]vault.Row) ([]vault.Row, error) { return []vault.Row{a1}, nil })
	wantError(t, "a cancelled rewrite", err, context.Canceled)
	wantRows(t, store, "", a, b, c1)
}

// Rows are put while others are rewritten; each row has to come out of a rewrite, or to be put after it.
func testRewriteRace(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	r := ability[vault.Rewriter](t, stores[0])
	const puts = 20
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range puts {
			row := vault.Row{Key: vault.Key(fmt.Sprintf("k%02d", n)), Version: 1, Sealed: []byte("put")}
			if err := stores[1].Put(t.Context(), row); err != nil {
				t.Errorf("put: %v", err)
			}
		}
	})
	for range 5 {
		seen := 0
		err := r.Rewrite(t.Context(), func(rows []vault.Row) ([]vault.Row, error) {
			seen = len(rows)
			for i := range rows {
				rows[i].Sealed = []byte("rewritten")
			}
			return rows, nil
		})
		if err != nil {
			t.Errorf("rewrite: %v", err)
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

func testStamp(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	stamper := ability[vault.Stamper](t, stores[0])
	seen := make(map[string]string)
	stamp := func(after string) {
		t.Helper()
		for range 2 {
			s, err := stamper.Stamp(t.Context())
			if err != nil {
				t.Fatalf("stamp after %s: %v", after, err)
			}
			if earlier, ok := seen[s]; ok && earlier != after {
				t.Errorf("the stamps after %s and after %s are equal", earlier, after)
			}
			seen[s] = after
		}
	}
	stamp("opening")
	mustPut(t, stores[0], vault.Row{Key: "a", Version: 1, Sealed: []byte("1")})
	stamp("an own put")
	mustPut(t, stores[1], vault.Row{Key: "a", Version: 2, Sealed: []byte("2")})
	stamp("a put of another")
	mustPut(t, stores[1], vault.Row{Key: "a", Version: 3, Sealed: []byte("2")})
	stamp("a second put of another")
	if err := stores[1].Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	stamp("a deletion by another")
	if len(seen) != 5 {
		t.Errorf("%d different stamps, want 5: a stamp changed although nothing was written", len(seen))
	}
}

// testLockOrAwait lets several wait for the holder of a lock: all go on when it lets go, and hold nothing.
func testLockOrAwait(t *testing.T, opener Opener) {
	store := open(t, opener)
	first := ability[vault.Awaiter](t, store)
	unlock, err := first.LockOrAwait(t.Context(), "k")
	if err != nil || unlock == nil {
		t.Fatalf("a lock that nobody holds is not taken: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = open(t, opener).(vault.Awaiter).LockOrAwait(ctx, "k")
	wantError(t, "await", err, context.Canceled)

	var released atomic.Bool
	var group, begun sync.WaitGroup
	for range 5 {
		other := open(t, opener).(vault.Awaiter)
		begun.Add(1)
		group.Go(func() {
			begun.Done()
			got, err := other.LockOrAwait(t.Context(), "k")
			switch {
			case err != nil:
				t.Errorf("await: %v", err)
			case got != nil && !released.Load():
				t.Error("a lock that is held was taken")
			case !released.Load():
				t.Error("the wait has ended before the lock")
			}
			if got != nil {
				got()
			}
		})
	}
	begun.Wait()
	time.Sleep(20 * time.Millisecond) // in which one that does not wait would go on
	released.Store(true)
	unlock()
	group.Wait()

	unlock, err = open(t, opener).Lock(t.Context(), "k")
	if err != nil {
		t.Fatalf("somebody who waited holds the lock: %v", err)
	}
	unlock()
}

func testUpdate(t *testing.T, opener Opener) {
	store := open(t, opener)
	tr := ability[vault.Transactor](t, store)
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
	tr := ability[vault.Transactor](t, store)
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
	marker := ability[vault.Marker](t, stores[0])
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
