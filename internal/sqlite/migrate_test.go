package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"authsome/internal/keysource"
	"authsome/vault"
)

// released is the home of a version whose schema was 1, made by that version. See make.sh beside it.
const released = "../../local/testdata/homes/schema-1"

func releasedHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"vault.db", "master.key"} {
		if err := os.WriteFile(filepath.Join(home, name), mustRead(t, filepath.Join(released, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func userVersion(t *testing.T, home string) int {
	t.Helper()
	header := mustRead(t, filepath.Join(home, "vault.db")) // it stands in the last of four bytes there
	return int(header[63])
}

// To read a database of an earlier schema changes nothing; the first write brings it to the present one.
func TestAnEarlierSchemaIsReadAsItIsAndMigratedByTheFirstWrite(t *testing.T) {
	t.Parallel()
	home := releasedHome(t)
	before := mustRead(t, filepath.Join(home, "vault.db"))
	v := mustOpenHome(t, home)
	records, err := v.List(t.Context(), "")
	if err != nil || len(records) != 6 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if !bytes.Equal(before, mustRead(t, filepath.Join(home, "vault.db"))) {
		t.Error("reading has changed the file")
	}
	reader := mustOpenHome(t, home) // of another process, open since before
	if _, err := reader.List(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Put(t.Context(), "new", []byte("value"), 0); err != nil {
		t.Fatal(err)
	}
	if got := userVersion(t, home); got != 2 {
		t.Errorf("the schema is %d", got)
	}
	for name, v := range map[string]*vault.Vault{"the writer": v, "a reader of before": reader, "a new process": mustOpenHome(t, home)} {
		after, err := v.List(t.Context(), "")
		if err != nil || len(after) != len(records)+1 {
			t.Errorf("%s: %d records, %v", name, len(after), err)
		}
	}
	if _, err := reader.Put(t.Context(), "newer", []byte("value"), 0); err != nil {
		t.Error(err)
	}
}

// A program of before that is still running reads on, and cannot write what it would not keep up.
func TestAProgramOfBeforeCannotWriteTheNewSchema(t *testing.T) {
	t.Parallel()
	home := releasedHome(t)
	v := mustOpenHome(t, home)
	if _, err := v.Put(t.Context(), "k", []byte("value"), 0); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{ // as schema 1 had them
		"INSERT INTO record (version, sealed, key) VALUES (1, x'01', 'other') ON CONFLICT DO NOTHING",
		"UPDATE record SET version = 2, sealed = x'01' WHERE key = 'k' AND version = 1",
		"DELETE FROM record WHERE key = 'k'",
	} {
		if err := tryExecute(t, filepath.Join(home, "vault.db"), statement); err == nil {
			t.Errorf("it could: %s", statement)
		}
	}
	if rec, err := v.Get(t.Context(), "k"); err != nil || string(rec.Value) != "value" {
		t.Errorf("got %q, %v", rec.Value, err)
	}
}

// A schema that a later version has made is refused, and nothing is changed: at the opening, and also when it came while
// this process had the database open.
func TestALaterSchemaIsNotWritten(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	v := mustOpenHome(t, home)
	if _, err := v.Put(t.Context(), "k", []byte("value"), 0); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, "vault.db")
	execute(t, path, "PRAGMA user_version = 3")
	before := mustRead(t, path)
	_, err := v.Put(t.Context(), "k", []byte("other"), 1)
	wantError(t, "write", err, vault.ErrNewer)
	_, err = openHome(t.Context(), home)
	wantError(t, "open", err, vault.ErrNewer)
	if !bytes.Equal(before, mustRead(t, path)) {
		t.Error("the file was changed")
	}
}

// migrateSlowly opens a released home and writes at once, a lot.
func migrateSlowly(ctx context.Context, home string) error {
	v, err := openHome(ctx, home)
	if err != nil {
		return err
	}
	fmt.Println("opened")
	_, err = v.Put(ctx, "large", make([]byte, 4<<20), 0)
	return errors.Join(err, v.Close())
}

// A process that dies while it migrates leaves the old schema or the new one, with every record.
func TestAKilledMigrationLosesNothing(t *testing.T) {
	t.Parallel()
	seen := make(map[int]int)
	for range 12 {
		home := releasedHome(t)
		c := start(t, "migrate", home)
		if !c.stdout.Scan() {
			t.Fatalf("it gave up: %s", c.stderr.String())
		}
		c.kill(t)
		store, err := openStore(t.Context(), home)
		if err != nil {
			t.Fatal(err)
		}
		v, err := vault.Open(t.Context(), store, keysource.File(filepath.Join(home, "master.key")))
		if err != nil {
			t.Fatal(err)
		}
		records, err := v.List(t.Context(), "profile/")
		if err != nil || len(records) != 5 {
			t.Errorf("%d records, %v", len(records), err)
		}
		if _, err := v.Put(t.Context(), "k", nil, 0); err != nil {
			t.Error(err)
		}
		if err := errors.Join(store.Check(t.Context()), v.Close()); err != nil {
			t.Error(err)
		}
		seen[userVersion(t, home)]++
	}
	if seen[2] != 12 {
		t.Errorf("schemas after the next write: %v", seen)
	}
}

// What is deleted is overwritten, so that the names of what is gone cannot be read from free pages.
func TestDeletedNamesLeaveNoTrace(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	v := mustOpenHome(t, home)
	var changes []vault.Change
	for i := range 200 {
		changes = append(changes, vault.Change{Key: vault.Key(fmt.Sprintf("vanished/%03d", i)), Value: make([]byte, 400)})
	}
	if err := v.Apply(t.Context(), changes...); err != nil {
		t.Fatal(err)
	}
	for i := range changes {
		changes[i] = vault.Change{Key: changes[i].Key, Delete: true}
	}
	if err := errors.Join(v.Apply(t.Context(), changes...), v.Close()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(home)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() && bytes.Contains(mustRead(t, filepath.Join(home, e.Name())), []byte("vanished/")) {
			t.Errorf("%s still has a name that was deleted", e.Name())
		}
	}
}

// Somebody who keeps a file open that was replaced, by a restore or a repair, cannot write into the void.
func TestAStoreWhoseFileWasReplacedCannotWrite(t *testing.T) {
	t.Parallel()
	if os.PathSeparator != '/' {
		t.Skip("a file that is open cannot be replaced here")
	}
	home := t.TempDir()
	v := mustOpenHome(t, home)
	if _, err := v.Put(t.Context(), "k", []byte("value"), 0); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, "vault.db")
	if err := errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, mustRead(t, path+".old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := v.Put(t.Context(), "k", []byte("lost"), 1)
	wantError(t, "write", err, vault.ErrUnavailable)
}
