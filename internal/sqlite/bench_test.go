package sqlite_test

import (
	"path/filepath"
	"testing"

	"authsome/internal/keysource"
	"authsome/vault"
)

func benchmarkVault(b *testing.B) (home string, v *vault.Vault) {
	b.Helper()
	home = b.TempDir()
	v, err := openHome(b.Context(), home)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = v.Close() })
	if _, err := v.Put(b.Context(), "k", make([]byte, 1000), 0); err != nil {
		b.Fatal(err)
	}
	return home, v
}

func BenchmarkOpenGetClose(b *testing.B) {
	home, _ := benchmarkVault(b)
	for b.Loop() {
		v, err := openHome(b.Context(), home)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Get(b.Context(), "k"); err != nil {
			b.Fatal(err)
		}
		_ = v.Close()
	}
}

func BenchmarkGet(b *testing.B) {
	_, v := benchmarkVault(b)
	for b.Loop() {
		if _, err := v.Get(b.Context(), "k"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	_, v := benchmarkVault(b)
	version := uint64(1)
	for b.Loop() {
		var err error
		if version, err = v.Put(b.Context(), "k", make([]byte, 1000), version); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLock(b *testing.B) {
	_, v := benchmarkVault(b)
	for b.Loop() {
		unlock, err := v.Lock(b.Context(), "k")
		if err != nil {
			b.Fatal(err)
		}
		unlock()
	}
}

func BenchmarkUnwrap(b *testing.B) {
	source := keysource.File(filepath.Join(b.TempDir(), "master.key"))
	wrapped, err := source.Wrap(b.Context(), make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := source.Unwrap(b.Context(), wrapped); err != nil {
			b.Fatal(err)
		}
	}
}

// A run looks four times a second whether another process has written.
func BenchmarkStamp(b *testing.B) {
	s, err := openStore(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	for b.Loop() {
		if _, err := s.Stamp(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
