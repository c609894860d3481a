// Package storetest holds what every [vault.Store] must do, as one suite: a store's own tests call [Run]. [Memory] is
// the simplest store that passes it, for tests that need any.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authsome/vault"
)

// Opener opens one more handle to the same storage, as another process would.
type Opener func() (vault.Store, error)

// Run tests a kind of store. create makes empty storage for one test and returns what opens it. What a
// store can do besides is tested as well.
func Run(t *testing.T, create func(t *testing.T) Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Opener){
		"GetReturnsWhatWasPut":                    testGet,
		"PutDemandsTheNextVersion":                testPutVersions,
		"DeleteLeavesNothing":                     testDelete,
		"SlicesBelongToTheCaller":                 testOwnership,
		"ListTakesPrefixesLiterally":              testList,
		"RowsOutliveTheHandle":                    testDurability,
		"ACancelledContextWritesNothing":          testCancelled,
		"RacingWritersLoseNoUpdate":               testRace,
		"RacingFirstWritersAgree":                 testFirstWrite,
		"StampTellsOfEveryWrite":                  testStamp,
		"UpdateIsAllOrNothing":                    testUpdate,
		"UpdateEndsWithAConflict":                 testConflict,
		"UpdateExcludesWriters":                   testUpdateExcludes,
		"SetWritesWhateverTheVersion":             testSet,
		"DeleteTakesTheVersionItExpects":          testDeleteVersions,
		"ListSeesOtherRows":                       testListOthers,
		"MarkIsKept":                              testMark,
		"LockExcludesOtherHandlesAndItself":       testLockExcludes,
		"LockGoesToAWaiter":                       testLockHandOver,
		"LockGivesUpWithItsContext":               testLockCancelled,
		"LocksOfDifferentKeysAreIndependent":      testLockKeys,
		"AWaiterThatGaveUpDoesNotKeepTheLock":     testLockAbandoned,
		"LockedSectionsOfManyHandlesDoNotOverlap": testLockCounter,
		"WhoAwaitsALockGoesOnAndDoesNotHoldIt":    testLockOrAwait,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, create(t))
		})
	}
}

// open returns a handle that is closed when the test ends.
func open(t *testing.T, opener Opener) vault.Store {
	t.Helper()
	store, err := opener()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return store
}

func mustPut(t *testing.T, store vault.Store, rows ...vault.Row) {
	t.Helper()
	for _, row := range rows {
		if err := Put(t.Context(), store, row); err != nil {
			t.Fatalf("put %s at version %d: %v", row.Key, row.Version, err)
		}
	}
}

func wantRows(t *testing.T, store vault.Store, prefix vault.Key, want ...vault.Row) {
	t.Helper()
	got, err := store.List(t.Context(), prefix)
	if err != nil {
		t.Fatalf("list %q: %v", prefix, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list %q (-want +got):\n%s", prefix, diff)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func testGet(t *testing.T, opener Opener) {
	store := open(t, opener)
	_, err := store.Get(t.Context(), "a")
	wantError(t, "get from an empty store", err, vault.ErrNotFound)

	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	rows := []vault.Row{
		{Key: "a", Version: 1, Sealed: every},
		{Key: "profile/default/github/connection/jo+x@example.com", Version: 1, Sealed: []byte{0}},
		{Key: `'"; DROP TABLE record; --`, Version: 1, Sealed: make([]byte, 1<<16)},
		{Key: "ключ/鍵", Version: 1, Sealed: []byte("x")},
	}
	mustPut(t, store, rows...)
	for _, want := range rows {
		got, err := store.Get(t.Context(), want.Key)
		if err != nil {
			t.Fatalf("get %s: %v", want.Key, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("get %s (-want +got):\n%s", want.Key, diff)
		}
	}
	_, err = store.Get(t.Context(), "A")
	wantError(t, "get a key of other case", err, vault.ErrNotFound)
}

func testPutVersions(t *testing.T, opener Opener) {
	store := open(t, opener)
	mustPut(t, store, vault.Row{Key: "k", Version: 1, Sealed: []byte("1")}, vault.Row{Key: "k", Version: 2, Sealed: []byte("2")})
	for _, row := range []vault.Row{
		{Key: "absent", Version: 0, Sealed: []byte("x")},
		{Key: "absent", Version: 2, Sealed: []byte("x")},
		{Key: "k", Version: 0, Sealed: []byte("x")},
		{Key: "k", Version: 1, Sealed: []byte("x")},
		{Key: "k", Version: 2, Sealed: []byte("x")},
		{Key: "k", Version: 4, Sealed: []byte("x")},
		{Key: "k", Version: 1<<64 - 1, Sealed: []byte("x")},
	} {
		err := Put(t.Context(), store, row)
		wantError(t, fmt.Sprintf("put %s at version %d", row.Key, row.Version), err, vault.ErrConflict)
	}
	wantRows(t, store, "", vault.Row{Key: "k", Version: 2, Sealed: []byte("2")})
}

func testDelete(t *testing.T, opener Opener) {
	store := open(t, opener)
	mustPut(t, store, vault.Row{Key: "k", Version: 1, Sealed: []byte("1")}, vault.Row{Key: "kk", Version: 1, Sealed: []byte("1")})
	for range 2 {
		if err := Delete(t.Context(), store, "k"); err != nil {
			t.Fatalf("delete: %v", err)
		}
	}
	_, err := store.Get(t.Context(), "k")
	wantError(t, "get a deleted row", err, vault.ErrNotFound)
	wantRows(t, store, "", vault.Row{Key: "kk", Version: 1, Sealed: []byte("1")})
	mustPut(t, store, vault.Row{Key: "k", Version: 1, Sealed: []byte("anew")})
}

func testOwnership(t *testing.T, opener Opener) {
	store := open(t, opener)
	sealed := []byte("sealed")
	mustPut(t, store, vault.Row{Key: "k", Version: 1, Sealed: sealed})
	clear(sealed)
	got, err := store.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	clear(got.Sealed)
	wantRows(t, store, "", vault.Row{Key: "k", Version: 1, Sealed: []byte("sealed")})
}

func testList(t *testing.T, opener Opener) {
	store := open(t, opener)
	wantRows(t, store, "")
	keys := []vault.Key{ // in byte order
		"A/1", "a", "a%", "a%/1", "a*", "a/", "a/1", "a/10", "a/2", "a?", "a[b]", "a\\", "a_", "a_/1", "ab/1", "a\U0010ffff", "b",
		"\U0010ffff\U0010ffff",
	}
	rows := make(map[vault.Key]vault.Row)
	for i := range keys {
		key := keys[(i*7)%len(keys)] // in another order
		rows[key] = vault.Row{Key: key, Version: 1, Sealed: []byte(key)}
		mustPut(t, store, rows[key])
	}
	for prefix, want := range map[vault.Key][]vault.Key{
		"":                   keys,
		"a/":                 {"a/", "a/1", "a/10", "a/2"},
		"a/1":                {"a/1", "a/10"},
		"a%":                 {"a%", "a%/1"},
		"a_":                 {"a_", "a_/1"},
		"a*":                 {"a*"},
		"a[":                 {"a[b]"},
		`a\`:                 {`a\`},
		"A":                  {"A/1"},
		"a\U0010ffff":        {"a\U0010ffff"},
		"\U0010ffff":         {"\U0010ffff\U0010ffff"},
		"c":                  nil,
		"a/1/":               nil,
		"profile/default/%/": nil,
	} {
		var expected []vault.Row
		for _, key := range want {
			expected = append(expected, rows[key])
		}
		wantRows(t, store, prefix, expected...)
	}
}

func testListOthers(t *testing.T, opener Opener) {
	store := open(t, opener)
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
		got, err := store.List(t.Context(), tt.prefix, tt.also)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("list %q with %q (-want +got):\n%s", tt.prefix, tt.also, diff)
		}
	}
}

func testDurability(t *testing.T, opener Opener) {
	first, err := opener()
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, first, vault.Row{Key: "k", Version: 1, Sealed: []byte("1")})
	second := open(t, opener)
	wantRows(t, second, "", vault.Row{Key: "k", Version: 1, Sealed: []byte("1")})
	mustPut(t, first, vault.Row{Key: "k", Version: 2, Sealed: []byte("2")})
	if err := first.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	want := vault.Row{Key: "k", Version: 2, Sealed: []byte("2")}
	wantRows(t, second, "", want)
	wantRows(t, open(t, opener), "", want)
}

func testCancelled(t *testing.T, opener Opener) {
	store := open(t, opener)
	row := vault.Row{Key: "k", Version: 1, Sealed: []byte("1")}
	mustPut(t, store, row)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Get(ctx, "k")
	wantError(t, "get", err, context.Canceled)
	_, err = store.List(ctx, "")
	wantError(t, "list", err, context.Canceled)
	wantError(t, "put", Put(ctx, store, vault.Row{Key: "k", Version: 2, Sealed: []byte("2")}), context.Canceled)
	wantError(t, "delete", Delete(ctx, store, "k"), context.Canceled)
	_, err = store.Lock(ctx, "k")
	wantError(t, "lock", err, context.Canceled)
	wantRows(t, store, "", row)
}
