package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authsome/vault"
	"authsome/vault/storetest"
)

// xorKeys wraps with a byte. It stands for any source and notes what was asked of it.
type xorKeys struct {
	name string
	mask byte

	mu    sync.Mutex
	wraps int
}

func (k *xorKeys) Name() string { return k.name }

func (k *xorKeys) Wrap(_ context.Context, dataKey []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wraps++
	return append([]byte{k.mask}, xor(dataKey, k.mask)...), nil
}

func (k *xorKeys) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	if wrapped[0] != k.mask {
		return nil, fmt.Errorf("unwrap: %w", vault.ErrWrongKey)
	}
	return xor(wrapped[1:], k.mask), nil
}

func xor(in []byte, mask byte) []byte {
	out := bytes.Clone(in)
	for i := range out {
		out[i] ^= mask
	}
	return out
}

func open(t *testing.T, store vault.Store) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.Context(), store, &xorKeys{name: "test", mask: 1})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustPut(t *testing.T, v *vault.Vault, key vault.Key, value string, prev uint64) {
	t.Helper()
	version, err := v.Put(t.Context(), key, []byte(value), prev)
	if err != nil || version != prev+1 {
		t.Fatalf("put %s on version %d: got version %d, error %v", key, prev, version, err)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func TestRecordsComeBackAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	v := open(t, store)
	mustPut(t, v, "a/1", "one", 0)
	mustPut(t, v, "a/1", "uno", 1)
	mustPut(t, v, "a/2", "", 0)
	mustPut(t, v, "b", "other", 0)
	_, err := v.Put(t.Context(), "a/1", []byte("late"), 1)
	wantError(t, "put on an old version", err, vault.ErrConflict)

	v = open(t, store) // as another process
	got, err := v.List(t.Context(), "a/")
	if err != nil {
		t.Fatal(err)
	}
	want := []vault.Record{{Key: "a/1", Version: 2, Value: []byte("uno")}, {Key: "a/2", Version: 1, Value: nil}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	all, err := v.List(t.Context(), "")
	if err != nil || len(all) != 3 {
		t.Errorf("list of everything: got %d records, error %v; want 3", len(all), err)
	}
	if err := v.Delete(t.Context(), "b"); err != nil {
		t.Error(err)
	}
	_, err = v.Get(t.Context(), "b")
	wantError(t, "get a deleted record", err, vault.ErrNotFound)
}

func TestTheStoreSeesNoPlaintext(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	v := open(t, store)
	mustPut(t, v, "k1", "token-in-the-clear", 0)
	mustPut(t, v, "k2", "token-in-the-clear", 0)
	rows, err := store.List(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if bytes.Contains(row.Sealed, []byte("token")) {
			t.Errorf("%s is stored in the clear", row.Key)
		}
	}
	if bytes.Equal(rows[0].Sealed[1:13], rows[1].Sealed[1:13]) {
		t.Error("a nonce was used twice")
	}
}

func TestApplyIsAllOrNothing(t *testing.T) {
	t.Parallel()
	v := open(t, storetest.NewMemory())
	mustPut(t, v, "old", "x", 0)
	err := v.Apply(t.Context(), vault.Change{Key: "new", Value: []byte("x")}, vault.Change{Key: "old", Prev: 2, Delete: true})
	wantError(t, "apply on a stale version", err, vault.ErrConflict)
	_, err = v.Get(t.Context(), "new")
	wantError(t, "get what was not applied", err, vault.ErrNotFound)

	err = v.Apply(t.Context(), vault.Change{Key: "new", Value: []byte("x")}, vault.Change{Key: "old", Prev: 1, Delete: true})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := v.Get(t.Context(), "new")
	if err != nil || string(rec.Value) != "x" || rec.Version != 1 {
		t.Errorf("got %+v, error %v", rec, err)
	}
}

// bare is a store without optional abilities.
type bare struct{ vault.Store }

func TestMissingAbilitiesOfAStoreAreReported(t *testing.T) {
	t.Parallel()
	v := open(t, bare{storetest.NewMemory()})
	_, err := v.Stamp(t.Context())
	wantError(t, "stamp", err, errors.ErrUnsupported)
}

func TestUnusableKeysAreRefused(t *testing.T) {
	t.Parallel()
	v := open(t, storetest.NewMemory())
	for _, key := range []vault.Key{"", "meta/data-key", "meta/x", "a\x00b", "a\xffb"} {
		_, getErr := v.Get(t.Context(), key)
		_, putErr := v.Put(t.Context(), key, nil, 0)
		_, lockErr := v.Lock(t.Context(), key)
		for call, err := range map[string]error{
			"get": getErr, "put": putErr, "lock": lockErr, "delete": v.Delete(t.Context(), key),
			"apply": v.Apply(t.Context(), vault.Change{Key: key, Delete: true}),
		} {
			if err == nil || !strings.Contains(err.Error(), "cannot be the key") {
				t.Errorf("%s %q: got error %v", call, key, err)
			}
		}
	}
}

// replace puts a row in place of whatever is there, as somebody with access to the storage can.
func replace(t *testing.T, store vault.Store, row vault.Row) {
	t.Helper()
	if err := storetest.Delete(t.Context(), store, row.Key); err != nil {
		t.Fatal(err)
	}
	for version := uint64(1); version <= row.Version; version++ {
		if err := storetest.Put(t.Context(), store, vault.Row{Key: row.Key, Version: version, Sealed: row.Sealed}); err != nil {
			t.Fatal(err)
		}
	}
}

func sealed(t *testing.T, store vault.Store, key vault.Key) vault.Row {
	t.Helper()
	row, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func wantDamaged(t *testing.T, what string, v *vault.Vault, key vault.Key) {
	t.Helper()
	_, err := v.Get(t.Context(), key)
	wantError(t, what+": get", err, vault.ErrCorrupt)
	_, err = v.List(t.Context(), "")
	wantError(t, what+": list", err, vault.ErrCorrupt)
}

func TestTamperedRowsAreRefused(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (*storetest.Memory, *vault.Vault) {
		store := storetest.NewMemory()
		v := open(t, store)
		mustPut(t, v, "a", "value of a", 0)
		mustPut(t, v, "b", "value of b", 0)
		return store, v
	}
	t.Run("two rows swapped", func(t *testing.T) {
		t.Parallel()
		store, v := setUp(t)
		a, b := sealed(t, store, "a"), sealed(t, store, "b")
		replace(t, store, vault.Row{Key: "a", Version: 1, Sealed: b.Sealed})
		replace(t, store, vault.Row{Key: "b", Version: 1, Sealed: a.Sealed})
		wantDamaged(t, "a", v, "a")
		wantDamaged(t, "b", v, "b")
	})
	t.Run("an old value under the present version", func(t *testing.T) {
		t.Parallel()
		store, v := setUp(t)
		old := sealed(t, store, "a")
		mustPut(t, v, "a", "newer", 1)
		replace(t, store, vault.Row{Key: "a", Version: 2, Sealed: old.Sealed})
		wantDamaged(t, "rolled back", v, "a")
	})
	t.Run("any byte flipped", func(t *testing.T) {
		t.Parallel()
		store, v := setUp(t)
		row := sealed(t, store, "a")
		for i := range row.Sealed {
			for bit := range 8 {
				damaged := bytes.Clone(row.Sealed)
				damaged[i] ^= 1 << bit
				replace(t, store, vault.Row{Key: "a", Version: 1, Sealed: damaged})
				wantDamaged(t, fmt.Sprintf("byte %d bit %d", i, bit), v, "a")
			}
		}
	})
	t.Run("cut anywhere", func(t *testing.T) {
		t.Parallel()
		store, v := setUp(t)
		row := sealed(t, store, "a")
		for n := range row.Sealed {
			replace(t, store, vault.Row{Key: "a", Version: 1, Sealed: row.Sealed[:n]})
			wantDamaged(t, fmt.Sprintf("cut to %d bytes", n), v, "a")
		}
	})
}

func FuzzOpenSealedRecord(f *testing.F) {
	store := storetest.NewMemory()
	v, err := vault.Open(f.Context(), store, &xorKeys{name: "test", mask: 1})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := v.Put(f.Context(), "k", []byte("value"), 0); err != nil {
		f.Fatal(err)
	}
	genuine, err := store.Get(f.Context(), "k")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(genuine.Sealed)
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add(make([]byte, 29))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		replace(t, store, vault.Row{Key: "k", Version: 1, Sealed: sealed})
		rec, err := v.Get(t.Context(), "k")
		if bytes.Equal(sealed, genuine.Sealed) {
			if err != nil || string(rec.Value) != "value" {
				t.Errorf("the genuine record: got %q, error %v", rec.Value, err)
			}
			return
		}
		wantError(t, "a forged record", err, vault.ErrCorrupt)
	})
}
