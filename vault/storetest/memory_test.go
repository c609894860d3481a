package storetest_test

import (
	"testing"

	"authsome/vault"
	"authsome/vault/storetest"
)

func TestMemoryIsAStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Opener {
		m := storetest.NewMemory()
		return func() (vault.Store, error) { return m, nil }
	})
}
