package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authsome/vault"
)

// settle is how long something that must not happen is waited for. A store that works never makes a test slower
// or fail by it.
const settle = 20 * time.Millisecond

// handles opens n handles.
func handles(t *testing.T, opener Opener, n int) []vault.Store {
	t.Helper()
	stores := make([]vault.Store, n)
	for i := range stores {
		stores[i] = open(t, opener)
	}
	return stores
}

// increment adds one to a counter by compare-and-set.
func increment(ctx context.Context, store vault.Store, key vault.Key) error {
	for {
		row, err := store.Get(ctx, key)
		if err != nil {
			return err
		}
		next := binary.BigEndian.Uint64(row.Sealed) + 1
		err = Put(ctx, store, vault.Row{Key: key, Version: row.Version + 1, Sealed: binary.BigEndian.AppendUint64(nil, next)})
		if !errors.Is(err, vault.ErrConflict) {
			return err
		}
	}
}

func testRace(t *testing.T, opener Opener) {
	const writers, increments = 4, 10
	stores := handles(t, opener, 2)
	mustPut(t, stores[0], vault.Row{Key: "n", Version: 1, Sealed: make([]byte, 8)})
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range increments {
				if err := increment(t.Context(), stores[i%len(stores)], "n"); err != nil {
					t.Errorf("increment: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	wantRows(t, stores[0], "", vault.Row{
		Key: "n", Version: 1 + writers*increments, Sealed: binary.BigEndian.AppendUint64(nil, writers*increments),
	})
}

func testFirstWrite(t *testing.T, opener Opener) {
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			store, err := opener()
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			defer func() { _ = store.Close() }()
			switch err := Put(t.Context(), store, vault.Row{Key: "k", Version: 1, Sealed: []byte("x")}); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, vault.ErrConflict):
				lost.Add(1)
			default:
				t.Errorf("put: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 7 {
		t.Errorf("%d writers won and %d lost, want 1 and 7", won.Load(), lost.Load())
	}
}

func testLockExcludes(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	unlock, err := stores[0].Lock(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for i, store := range stores {
		ctx, cancel := context.WithTimeout(t.Context(), settle)
		_, err := store.Lock(ctx, "k")
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("handle %d: lock of a held key: got error %v, want %v", i, err, context.DeadlineExceeded)
		}
	}
	unlock()
	unlock()
	for i, store := range stores {
		again, err := store.Lock(t.Context(), "k")
		if err != nil {
			t.Fatalf("handle %d: lock of a free key: %v", i, err)
		}
		again()
	}
}

func testLockHandOver(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	unlock, err := stores[0].Lock(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 4)
	for i := range cap(served) {
		go func() {
			release, err := stores[i%2].Lock(t.Context(), "k")
			if err == nil {
				release()
			}
			served <- err
		}()
	}
	select {
	case err := <-served:
		t.Fatalf("a waiter returned while the lock was held: %v", err)
	case <-time.After(settle):
	}
	unlock()
	for range cap(served) {
		if err := <-served; err != nil {
			t.Errorf("lock: %v", err)
		}
	}
}

func testLockCancelled(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	unlock, err := stores[0].Lock(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := stores[1].Lock(ctx, "k")
		failed <- err
	}()
	cancel()
	wantError(t, "lock", <-failed, context.Canceled)
}

func testLockAbandoned(t *testing.T, opener Opener) {
	stores := handles(t, opener, 2)
	unlock, err := stores[0].Lock(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), settle)
	defer cancel()
	_, err = stores[1].Lock(ctx, "k")
	wantError(t, "lock", err, context.DeadlineExceeded)
	unlock()
	for _, store := range stores {
		unlock, err := store.Lock(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
}

func testLockKeys(t *testing.T, opener Opener) {
	store := open(t, opener)
	long := vault.Key(make([]byte, 500))
	for _, key := range []vault.Key{"k", "K", "k/", "k-", "../k", "con", "a b", "ключ", long + "1", long + "2"} {
		unlock, err := store.Lock(t.Context(), key)
		if err != nil {
			t.Fatalf("lock %q while others are held: %v", key, err)
		}
		defer unlock()
	}
}

func testLockCounter(t *testing.T, opener Opener) {
	stores := handles(t, opener, 4)
	var inside, entered atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			unlock, err := stores[i%len(stores)].Lock(t.Context(), "k")
			if err != nil {
				t.Errorf("lock: %v", err)
				return
			}
			defer unlock()
			if n := inside.Add(1); n != 1 {
				t.Errorf("%d holders at once", n)
			}
			entered.Add(1)
			inside.Add(-1)
		})
	}
	wg.Wait()
	if entered.Load() != 16 {
		t.Errorf("%d got the lock, want 16", entered.Load())
	}
}
