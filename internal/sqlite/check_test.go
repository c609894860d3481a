package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authsome/internal/sqlite"
	"authsome/vault"
	"authsome/vault/storetest"
)

func TestCheckFindsADamagedPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vault.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		row := vault.Row{Key: vault.Key(fmt.Sprintf("key/%d", i)), Version: 1, Sealed: bytes.Repeat([]byte{1}, 500)}
		if err := storetest.Put(t.Context(), store, row); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(store.Check(t.Context()), store.Close()); err != nil {
		t.Fatalf("a sound database: %v", err)
	}
	damage(t, path)
	store, err = sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Check(t.Context()); !errors.Is(err, vault.ErrCorrupt) {
		t.Errorf("a damaged one: %v", err)
	}
}

// damage overwrites the header of the last page.
func damage(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(content[len(content)-4096:], strings.Repeat("\xff", 16))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Versions before 3.51.3 can lose what several processes write.
func TestEngineHasTheFixForSeveralWriters(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "vault.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	version, err := store.EngineVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		t.Fatal(err)
	}
	if major < 3 || major == 3 && (minor < 51 || minor == 51 && patch < 3) {
		t.Errorf("SQLite is %s", version)
	}
}
