package vault_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"authsome/vault"
	"authsome/vault/storetest"
)

const dataKeyRow vault.Key = "meta/data-key"

func TestRacingFirstRunsShareOneDataKey(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	const runs = 32
	vaults := make([]*vault.Vault, runs)
	var wg sync.WaitGroup
	for i := range vaults {
		wg.Go(func() { vaults[i] = open(t, store) })
	}
	wg.Wait()
	if got := sealed(t, store, dataKeyRow).Version; got != 1 {
		t.Errorf("the data key was written %d times", got)
	}
	mustPut(t, vaults[0], "k", "value", 0)
	for i, v := range vaults {
		if rec, err := v.Get(t.Context(), "k"); err != nil || string(rec.Value) != "value" {
			t.Errorf("vault %d: got %q, error %v", i, rec.Value, err)
		}
	}
}

func TestAWrongKeyChangesNothing(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]*xorKeys{
		"same kind":    {name: "test", mask: 2},
		"another kind": {name: "keyring", mask: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := storetest.NewMemory()
			mustPut(t, open(t, store), "k", "value", 0)
			before, _ := store.Stamp(t.Context())
			_, err := vault.Open(t.Context(), store, keys)
			wantError(t, "open", err, vault.ErrWrongKey)
			mentions := strings.Contains(err.Error(), `sealed with key source "test", opened with "keyring"`)
			if want := keys.name != "test"; mentions != want {
				t.Errorf("error %q names both key sources: %v, want %v", err, mentions, want)
			}
			if after, _ := store.Stamp(t.Context()); after != before || keys.wraps != 0 {
				t.Error("something was written or wrapped")
			}
			open(t, store)
		})
	}
}

func TestTheSameKeyOpensUnderAnotherName(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	mustPut(t, open(t, store), "k", "value", 0)
	if _, err := vault.Open(t.Context(), store, &xorKeys{name: "moved", mask: 1}); err != nil {
		t.Error(err)
	}
}

func TestALostDataKeyIsNotReplaced(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	mustPut(t, open(t, store), "k", "value", 0)
	if err := storetest.Delete(t.Context(), store, dataKeyRow); err != nil {
		t.Fatal(err)
	}
	keys := &xorKeys{name: "test", mask: 1}
	_, err := vault.Open(t.Context(), store, keys)
	wantError(t, "open", err, vault.ErrCorrupt)
	if rows, _ := store.List(t.Context(), ""); len(rows) != 2 || keys.wraps != 0 {
		t.Error("a new data key was made")
	}
}

func TestADamagedDataKeyIsRefused(t *testing.T) {
	t.Parallel()
	for stored, want := range map[string]error{
		"":                              vault.ErrCorrupt,
		"{":                             vault.ErrCorrupt,
		"null":                          vault.ErrCorrupt,
		`{"format":1}`:                  vault.ErrCorrupt,
		`{"format":0,"wrapped":"AQ=="}`: vault.ErrCorrupt,
		`{"format":1,"key_source":"test","wrapped":"AQ=="}`:                 vault.ErrCorrupt, // no data key inside
		`{"format":2,"key_source":"test","wrapped":"AQ=="}`:                 vault.ErrCorrupt, // nothing vouches for it
		`{"format":1,"key_source":"test","parameters":{},"wrapped":"AQ=="}`: vault.ErrCorrupt,
		`{"format":3,"wrapped":"AQ=="}`:                                     vault.ErrNewer,
	} {
		store := storetest.NewMemory()
		open(t, store)
		replace(t, store, vault.Row{Key: dataKeyRow, Version: 1, Sealed: []byte(stored)})
		_, err := vault.Open(t.Context(), store, &xorKeys{name: "test", mask: 1})
		wantError(t, "open with data key "+stored, err, want)
	}
}

func TestTheDataKeyIsStoredWrapped(t *testing.T) {
	t.Parallel()
	store := storetest.NewMemory()
	open(t, store)
	var e struct {
		KeySource string `json:"key_source"`
		Wrapped   []byte `json:"wrapped"`
	}
	if err := json.Unmarshal(sealed(t, store, dataKeyRow).Sealed, &e); err != nil {
		t.Fatal(err)
	}
	if e.KeySource != "test" || len(e.Wrapped) != 33 || e.Wrapped[0] != 1 {
		t.Errorf("got key source %q and %d bytes, want what the source wrapped", e.KeySource, len(e.Wrapped))
	}
}
