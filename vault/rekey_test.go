package vault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authsome/vault"
	"authsome/vault/storetest"
)

// choice is a source that stands for the ones of all masks: the parameters of an envelope say which.
type choice struct{ *xorKeys }

func (choice) Choose(e vault.Envelope) (vault.KeySource, error) {
	var mask byte
	if e.Parameters == nil {
		mask = 1
	} else if err := json.Unmarshal(e.Parameters, &mask); err != nil {
		return nil, err
	}
	return masked(mask), nil
}

// parametric is a source whose key is told in its parameters.
type parametric struct{ *xorKeys }

func (p parametric) Parameters() json.RawMessage { return json.RawMessage(fmt.Sprintf(" %d ", p.mask)) }

func masked(mask byte) vault.KeySource { return parametric{&xorKeys{name: "masked", mask: mask}} }

func openChoosing(t *testing.T, store vault.Store) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.Context(), store, choice{&xorKeys{name: "first", mask: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantValue(t *testing.T, what string, v *vault.Vault, key vault.Key, want string) {
	t.Helper()
	rec, err := v.Get(t.Context(), key)
	if err != nil || string(rec.Value) != want {
		t.Errorf("%s: got %q, error %v; want %q", what, rec.Value, err, want)
	}
}

var later = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func TestRewrapTouchesNoRecord(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	v, other := openChoosing(t, store), openChoosing(t, store)
	mustPut(t, v, "k", "value", 0)
	before := sealed(t, store, "k")
	if err := v.Rewrap(t.Context(), masked(7), later); err != nil {
		t.Fatal(err)
	}
	if after := sealed(t, store, "k"); string(after.Sealed) != string(before.Sealed) {
		t.Error("a record was touched")
	}
	e, err := v.Envelope(t.Context())
	if err != nil || e.KeySource != "masked" || string(e.Parameters) != "7" || !e.Since.Equal(later) || e.Rotated.IsZero() {
		t.Errorf("got %+v, error %v", e, err)
	}
	mustPut(t, other, "k", "on top", 1) // it needs no key for that
	mustPut(t, v, "k", "again", 2)
	wantValue(t, "a new process", openChoosing(t, store), "k", "again")
	_, err = vault.Open(t.Context(), store, &xorKeys{name: "test", mask: 1})
	wantError(t, "the old key", err, vault.ErrWrongKey)
}

// broken wraps what it cannot unwrap.
type broken struct{ *xorKeys }

func (broken) Wrap(context.Context, []byte) ([]byte, error) { return []byte{99, 1}, nil }

func TestWhatCannotBeOpenedIsNotStored(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	v := open(t, store)
	mustPut(t, v, "k", "value", 0)
	before := sealed(t, store, dataKeyRow)
	err := v.Rewrap(t.Context(), broken{&xorKeys{name: "broken", mask: 3}}, later)
	wantError(t, "rewrap", err, vault.ErrWrongKey)
	if after := sealed(t, store, dataKeyRow); after.Version != before.Version {
		t.Error("the envelope was replaced")
	}
	wantValue(t, "afterwards", open(t, store), "k", "value")
}

func TestRotateSealsEverythingAnew(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	v := openChoosing(t, store)
	mustPut(t, v, "a", "one", 0)
	mustPut(t, v, "a", "uno", 1)
	mustPut(t, v, "b", "two", 0)
	before := map[vault.Key]vault.Row{"a": sealed(t, store, "a"), "b": sealed(t, store, "b"), dataKeyRow: sealed(t, store, dataKeyRow)}
	reader, writer, creator := openChoosing(t, store), openChoosing(t, store), openChoosing(t, store)
	if err := v.Rotate(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	for key, old := range before {
		row := sealed(t, store, key)
		if string(row.Sealed) == string(old.Sealed) || key != dataKeyRow && row.Version != old.Version {
			t.Errorf("%s: version %d became %d, and the value changed: %v", key, old.Version, row.Version,
				string(row.Sealed) != string(old.Sealed))
		}
	}
	wantValue(t, "who rotated", v, "a", "uno")
	wantValue(t, "who had the old key", reader, "b", "two")
	if all, err := openChoosing(t, store).List(t.Context(), ""); err != nil || len(all) != 2 {
		t.Errorf("a new process lists %d records, error %v", len(all), err)
	}
	mustPut(t, writer, "a", "tre", 2) // on top of what it read before
	if err := creator.Apply(t.Context(), vault.Change{Key: "c", Value: []byte("new")}); err != nil {
		t.Error(err)
	}
	fresh := openChoosing(t, store)
	wantValue(t, "a write with the old key in memory", fresh, "a", "tre")
	wantValue(t, "a record made with the old key in memory", fresh, "c", "new")
	_, err := writer.Put(t.Context(), "a", []byte("stale"), 2)
	wantError(t, "a stale write", err, vault.ErrConflict)
}

// The old data key is of no use for what is stored under the new one: nothing may have been written with it.
func TestAListSpansARotation(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	v := openChoosing(t, store)
	mustPut(t, v, "a", "one", 0)
	reader := openChoosing(t, store)
	if err := v.Rotate(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if all, err := reader.List(t.Context(), ""); err != nil || len(all) != 1 {
		t.Errorf("got %d records, error %v", len(all), err)
	}
}

func TestRotateRefusesADamagedVault(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	v := open(t, store)
	mustPut(t, v, "a", "one", 0)
	mustPut(t, v, "b", "two", 0)
	replace(t, store, vault.Row{Key: "b", Version: 1, Sealed: sealed(t, store, "a").Sealed})
	before, _ := store.Stamp(t.Context())
	wantError(t, "rotate", v.Rotate(t.Context(), later), vault.ErrCorrupt)
	if after, _ := store.Stamp(t.Context()); after != before {
		t.Error("something was written")
	}
	wantValue(t, "the other record", open(t, store), "a", "one")
}

func TestAnEnvelopeThatWasChangedIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*vault.Envelope){
		"source":     func(e *vault.Envelope) { e.KeySource = "other" },
		"parameters": func(e *vault.Envelope) { e.Parameters = json.RawMessage(" 7 ") }, // compact, it is the same
		"since":      func(e *vault.Envelope) { e.Since = e.Since.Add(time.Second) },
		"no seal":    func(e *vault.Envelope) { e.Seal = nil },
		"format":     func(e *vault.Envelope) { e.Format = 1 },
		"nothing":    func(*vault.Envelope) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := storetest.NewMemory()
			v := openChoosing(t, store)
			if err := v.Rewrap(t.Context(), masked(7), later); err != nil {
				t.Fatal(err)
			}
			row := sealed(t, store, dataKeyRow)
			var e vault.Envelope
			if err := json.Unmarshal(row.Sealed, &e); err != nil {
				t.Fatal(err)
			}
			change(&e)
			row.Sealed, _ = json.Marshal(e)
			replace(t, store, row)
			_, err := vault.Open(t.Context(), store, choice{&xorKeys{name: "first", mask: 1}})
			if name == "nothing" || name == "parameters" {
				wantError(t, "open", err, nil)
				return
			}
			wantError(t, "open", err, vault.ErrCorrupt)
			wantError(t, "rotate", v.Rotate(t.Context(), later), vault.ErrCorrupt)
		})
	}
}

// Writers and readers with whatever key they have, while the key is rotated and rewrapped all the time: every write that
// was reported is there in the end, and no read fails.
func TestNothingIsLostWhileTheKeyChanges(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	openChoosing(t, store)
	var done atomic.Bool
	var workers, changers sync.WaitGroup
	const writers, writes = 4, 200
	for w := range writers {
		v := openChoosing(t, store)
		workers.Go(func() {
			for n := range uint64(writes) {
				key := vault.Key(fmt.Sprintf("w%d", w))
				if _, err := v.Put(t.Context(), key, fmt.Append(nil, n), n); err != nil {
					t.Errorf("writer %d, put %d: %v", w, n, err)
					return
				}
				if _, err := v.List(t.Context(), ""); err != nil {
					t.Errorf("writer %d lists: %v", w, err)
				}
			}
		})
	}
	for c := range 2 {
		v := openChoosing(t, store)
		changers.Go(func() {
			for n := byte(2); !done.Load(); n = n%100 + 2 {
				err := v.Rotate(t.Context(), later)
				if c == 1 {
					err = v.Rewrap(t.Context(), masked(n), later)
				}
				if err != nil && !errors.Is(err, vault.ErrConflict) {
					t.Errorf("change of the key: %v", err)
				}
			}
		})
	}
	workers.Wait()
	done.Store(true)
	changers.Wait()
	v := openChoosing(t, store)
	for w := range writers {
		wantValue(t, "in the end", v, vault.Key(fmt.Sprintf("w%d", w)), fmt.Sprint(writes-1))
	}
	if sealed(t, store, dataKeyRow).Version < 10 {
		t.Log("the key was changed a few times only")
	}
}
