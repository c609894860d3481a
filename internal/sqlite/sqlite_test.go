package sqlite_test

import (
	"path/filepath"
	"testing"

	"authsome/internal/sqlite"
	"authsome/vault"
	"authsome/vault/storetest"
)

func TestStoreConforms(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		path := filepath.Join(t.TempDir(), "home", "vault.db")
		return func() (vault.Store, error) { return sqlite.Open(t.Context(), path, sqlite.Options{}) }
	})
}
