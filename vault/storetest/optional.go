package storetest

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authsome/vault"
)

// able returns a store's ability, and skips the test of one that it does not have.
func able[Ability any](t *testing.T, store vault.Store) Ability {
	t.Helper()
	able, ok := store.(Ability)
	if !ok {
		t.Skipf("not a %s", reflect.TypeFor[Ability]())
	}
	return able
}

func testStamp(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	stamper := able[vault.Stamper](t, stores[0])
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
	if err := Delete(t.Context(), stores[1], "a"); err != nil {
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
	first := able[vault.Awaiter](t, store)
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

func testMark(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	marker, other := able[vault.Marker](t, stores[0]), able[vault.Marker](t, stores[1])
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
