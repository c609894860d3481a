//go:build unix

package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"authsome/vault"
	"authsome/vault/storetest"
)

// fillDisk writes records until the file may not grow further, as on a full disk, and prints how many it has written.
func fillDisk(ctx context.Context, home string) error {
	v, err := openHome(ctx, home)
	if err != nil {
		return err
	}
	limit := syscall.Rlimit{Cur: 100_000, Max: 100_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for i := 0; ; i++ {
		_, err := v.Put(ctx, vault.Key(fmt.Sprintf("filler/%03d", i)), make([]byte, 3000), 0)
		if errors.Is(err, vault.ErrUnavailable) {
			fmt.Println(i)
			if rec, err := v.Get(ctx, "filler/000"); err != nil || len(rec.Value) != 3000 {
				return fmt.Errorf("what was written before cannot be read: %w", err)
			}
			return v.Close()
		}
		if err != nil {
			return fmt.Errorf("a write to a full disk did not say so: %w", err)
		}
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	written, err := strconv.Atoi(start(t, "fill-disk", home).lines(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	records, err := mustOpenHome(t, home).List(t.Context(), "filler/")
	if err != nil || len(records) != written || written == 0 {
		t.Errorf("%d of %d records are left; error %v", len(records), written, err)
	}
}

// readOnly uses a home that it cannot write. Permissions do not bind root, so it becomes another user first.
func readOnly(ctx context.Context, home string) error {
	if os.Getuid() == 0 {
		const nobody = 65534
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return err
		}
	}
	store, err := openStore(ctx, home)
	if err != nil {
		return err
	}
	if row, err := store.Get(ctx, "k"); err != nil || string(row.Sealed) != "sealed" {
		return fmt.Errorf("read: got %q, error %w", row.Sealed, err)
	}
	if rows, err := store.List(ctx, ""); err != nil || len(rows) != 1 {
		return fmt.Errorf("list: got %d rows, error %w", len(rows), err)
	}
	if _, err := store.Stamp(ctx); err != nil {
		return err
	}
	_, lockErr := store.Lock(ctx, "k")
	for what, err := range map[string]error{
		"put":    storetest.Put(ctx, store, vault.Row{Key: "k", Version: 2, Sealed: []byte("x")}),
		"delete": storetest.Delete(ctx, store, "k"),
		"lock":   lockErr,
	} {
		if !errors.Is(err, vault.ErrUnavailable) {
			return fmt.Errorf("%s: got error %w, want %w", what, err, vault.ErrUnavailable)
		}
	}
	if _, err := openStore(ctx, filepath.Join(home, "new")); !errors.Is(err, vault.ErrUnavailable) {
		return fmt.Errorf("first run: got error %w, want %w", err, vault.ErrUnavailable)
	}
	return store.Close()
}

func TestAReadOnlyHomeCanBeRead(t *testing.T) {
	t.Parallel()
	outer := t.TempDir()
	home := filepath.Join(outer, "home")
	store, err := openStore(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	if err := storetest.Put(t.Context(), store, vault.Row{Key: "k", Version: 1, Sealed: []byte("sealed")}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	modes := []struct {
		path string
		mode os.FileMode
	}{ // others have what the owner has, for the sake of root's other self
		{filepath.Join(home, "vault.db"), 0o444},
		{filepath.Join(home, "vault.db-journal"), 0o444},
		{filepath.Join(home, "run"), 0o555},
		{home, 0o555},
		{outer, 0o755},
		{filepath.Dir(outer), 0o755},
	}
	for _, m := range modes {
		if err := os.Chmod(m.path, m.mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(home, 0o700) })
	start(t, "read-only", home).lines(t)
}
