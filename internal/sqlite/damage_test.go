package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"authsome/internal/keysource"
	"authsome/internal/sqlite"
	"authsome/vault"
)

// beside is the content of the files beside a database: the key and the mark.
type beside struct{ key, mark []byte }

// makeVault returns the content of the files of a vault with many records.
func makeVault(t *testing.T) (db []byte, key beside) {
	t.Helper()
	home := t.TempDir()
	v, err := openHome(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	var changes []vault.Change
	for i := range 30 {
		changes = append(changes, vault.Change{Key: vault.Key(fmt.Sprintf("record/%02d", i)), Value: make([]byte, 700)})
	}
	if err := errors.Join(v.Apply(t.Context(), changes...), v.Close()); err != nil {
		t.Fatal(err)
	}
	return mustRead(t, filepath.Join(home, "vault.db")), beside{
		key: mustRead(t, filepath.Join(home, "master.key")), mark: mustRead(t, filepath.Join(home, "vault.db.mark")),
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// homeWith makes a home of a database and what lies beside it.
func homeWith(t *testing.T, db []byte, files beside) string {
	t.Helper()
	home := t.TempDir()
	if err := errors.Join(
		os.WriteFile(filepath.Join(home, "vault.db"), db, 0o600),
		os.WriteFile(filepath.Join(home, "master.key"), files.key, 0o600),
		os.WriteFile(filepath.Join(home, "vault.db.mark"), files.mark, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return home
}

// use opens the vault of a home and reads everything.
func use(ctx context.Context, home string) error {
	v, err := openHome(ctx, home)
	if err != nil {
		return err
	}
	records, err := v.List(ctx, "record/")
	if err == nil && len(records) != 30 {
		err = fmt.Errorf("%d of 30 records are left", len(records))
	}
	return errors.Join(err, v.Close())
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func TestATruncatedDatabaseIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	db, key := makeVault(t)
	lengths := []int{1, 15, 16, 99, 100, 511, 512, 4095, 4096, 4097, 8192, 12288, len(db) / 2, len(db) - 4096, len(db) - 1}
	for _, n := range lengths {
		home := homeWith(t, db[:n], key)
		wantError(t, fmt.Sprintf("%d of %d bytes", n, len(db)), use(t.Context(), home), vault.ErrCorrupt)
		if !bytes.Equal(mustRead(t, filepath.Join(home, "vault.db")), db[:n]) {
			t.Errorf("%d of %d bytes: the file was changed", n, len(db))
		}
	}
	if err := use(t.Context(), homeWith(t, db, key)); err != nil {
		t.Errorf("the whole database: %v", err)
	}
}

func TestWhatIsNoVaultIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	db, key := makeVault(t)
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	execute(t, foreign, "CREATE TABLE something (other TEXT)")
	zeros := bytes.Clone(db)
	clear(zeros[4096:])
	for name, content := range map[string][]byte{
		"text":                  bytes.Repeat([]byte("not a database\n"), 1000),
		"zeros":                 make([]byte, 8192),
		"zeroed pages":          zeros,
		"a foreign database":    mustRead(t, foreign),
		"header of the vault":   append(bytes.Clone(db[:100]), make([]byte, len(db)-100)...),
		"header byte destroyed": append([]byte{'X'}, db[1:]...),
	} {
		home := homeWith(t, content, key)
		wantError(t, name, use(t.Context(), home), vault.ErrCorrupt)
		if !bytes.Equal(mustRead(t, filepath.Join(home, "vault.db")), content) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

// execute runs SQL on a database file, made if need be.
func execute(t *testing.T, path, statements string) {
	t.Helper()
	if err := tryExecute(t, path, statements); err != nil {
		t.Fatal(err)
	}
}

// tryExecute leaves the journal where it is: on Windows it could not be deleted while the store has it open.
func tryExecute(t *testing.T, path, statements string) error {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "PRAGMA journal_mode = TRUNCATE; "+statements)
	return errors.Join(err, db.Close())
}

func TestADamagedPageNeverYieldsAForgedRecord(t *testing.T) {
	t.Parallel()
	db, key := makeVault(t)
	for offset := 100; offset < len(db); offset += 997 {
		damaged := bytes.Clone(db)
		damaged[offset] ^= 0xff
		// Not every byte of a database is in use, and SQLite has no checksums: all that may happen is an error or nothing.
		err := use(t.Context(), homeWith(t, damaged, key))
		if err != nil && !errors.Is(err, vault.ErrCorrupt) && !errors.Is(err, vault.ErrWrongKey) {
			t.Errorf("byte %d: got error %v, want %v", offset, err, vault.ErrCorrupt)
		}
	}
}

func TestTamperedRowsAreRefused(t *testing.T) {
	t.Parallel()
	db, key := makeVault(t)
	for name, statements := range map[string]string{
		"two rows swapped": `UPDATE sealed_record SET key = 'x' WHERE key = 'record/01';
			UPDATE sealed_record SET key = 'record/01' WHERE key = 'record/02'; UPDATE sealed_record SET key = 'record/02' WHERE key = 'x'`,
		"another version":        `UPDATE sealed_record SET version = 2 WHERE key = 'record/01'`,
		"a negative version":     `UPDATE sealed_record SET version = -1 WHERE key = 'record/01'`,
		"an empty record":        `UPDATE sealed_record SET sealed = x'' WHERE key = 'record/01'`,
		"the data key deleted":   `DELETE FROM sealed_record WHERE key = 'meta/data-key'`,
		"the data key replaced":  `UPDATE sealed_record SET sealed = (SELECT sealed FROM sealed_record WHERE key = 'record/01') WHERE key = 'meta/data-key'`,
		"the table dropped":      `DROP TABLE sealed_record`,
		"another table":          `DROP VIEW record; CREATE TABLE record (key ANY, version ANY, sealed ANY); INSERT INTO record VALUES ('meta/data-key', 'x', 1)`,
		"the schema unversioned": `PRAGMA user_version = 0`,
	} {
		home := homeWith(t, db, key)
		path := filepath.Join(home, "vault.db")
		execute(t, path, statements)
		before := mustRead(t, path)
		wantError(t, name, use(t.Context(), home), vault.ErrCorrupt)
		if !bytes.Equal(mustRead(t, path), before) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestAnotherKeyIsRefusedAndNothingIsMade(t *testing.T) {
	t.Parallel()
	db, _ := makeVault(t)
	_, otherKey := makeVault(t)
	wantError(t, "another key", use(t.Context(), homeWith(t, db, otherKey)), vault.ErrWrongKey)

	home := homeWith(t, db, otherKey)
	keyFile := filepath.Join(home, "master.key")
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	err := use(t.Context(), home)
	wantError(t, "no key", err, vault.ErrWrongKey)
	wantError(t, "no key", err, keysource.ErrMissing)
	if _, err := os.Stat(keyFile); !errors.Is(err, os.ErrNotExist) {
		t.Error("a key file was made for a vault that has another key")
	}
	if !bytes.Equal(mustRead(t, filepath.Join(home, "vault.db")), db) {
		t.Error("the database was changed")
	}
}

func TestADatabaseOfALaterVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	db, key := makeVault(t)
	home := homeWith(t, db, key)
	execute(t, filepath.Join(home, "vault.db"), "PRAGMA user_version = 3")
	wantError(t, "open", use(t.Context(), home), vault.ErrNewer)
}

func TestAnEmptyFileCountsAsAFirstRun(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "vault.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	v := mustOpenHome(t, home)
	if _, err := v.Put(t.Context(), "k", []byte("value"), 0); err != nil {
		t.Error(err)
	}
}

func TestADirectoryInPlaceOfTheDatabaseIsReported(t *testing.T) {
	t.Parallel()
	_, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	wantError(t, "open", err, vault.ErrUnavailable)
}

func TestPathsNeedNoEscaping(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with space", "50%25", "a?b=c", "a#b", "a&mode=ro", "ü"} {
		if runtime.GOOS == "windows" && strings.Contains(name, "?") {
			continue // no name has one
		}
		path := filepath.Join(t.TempDir(), name, "vault.db")
		store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatalf("open %s: %v", path, err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("the database is not at %s: %v", path, err)
		}
	}
}
