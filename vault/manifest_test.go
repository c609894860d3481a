package vault_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"authsome/internal/sqlite"
	"authsome/vault"
)

// openFile opens the vault in a database file, as a process of its own would.
func openFile(t *testing.T, path string) *vault.Vault {
	t.Helper()
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := open(t, store)
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// filled returns the path of a vault with three records, of which two have changed.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vault.db")
	v := openFile(t, path)
	for _, key := range []vault.Key{"a", "b", "c"} {
		mustPut(t, v, key, "one of "+string(key), 0)
	}
	mustPut(t, v, "a", "two of a", 1)
	if err := v.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	mustPut(t, v, "b", "another b", 0)
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// change runs SQL on a vault's file, as somebody with write access could.
// It leaves the journal where it is: on Windows it could not be deleted while the vault has it open.
func change(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "PRAGMA journal_mode = TRUNCATE; "+statements)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// Attack 39, the small way: one record is put back to what it was, removed, or brought back.
func TestAttack39ARecordPutBackIsNoticed(t *testing.T) {
	t.Parallel()
	early := filepath.Join(t.TempDir(), "early.db")
	path := filepath.Join(t.TempDir(), "vault.db")
	v := openFile(t, path)
	for _, key := range []vault.Key{"a", "b", "c", "gone"} {
		mustPut(t, v, key, "one of "+string(key), 0)
	}
	copyFile(t, path, early)
	mustPut(t, v, "a", "two of a", 1)
	for _, key := range []vault.Key{"b", "gone"} {
		if err := v.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	mustPut(t, v, "b", "another b", 0) // at the version of the first
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ statements, says string }{
		"an older version": {
			"DELETE FROM sealed_record WHERE key = 'a'; INSERT INTO sealed_record SELECT * FROM early.sealed_record WHERE key = 'a'",
			"record a: the vault is damaged: it is not the one that was written last (version 2, found version 1)",
		},
		"the same version of before a deletion": {
			"DELETE FROM sealed_record WHERE key = 'b'; INSERT INTO sealed_record SELECT * FROM early.sealed_record WHERE key = 'b'",
			"record b: the vault is damaged: it is not the one that was written last",
		},
		"a deleted record": {
			"INSERT INTO sealed_record SELECT * FROM early.sealed_record WHERE key = 'gone'",
			"record gone: the vault is damaged: it was removed from the vault and has come back",
		},
		"a record removed": {"DELETE FROM sealed_record WHERE key = 'c'", "record c: the vault is damaged: it is missing"},
		"a record moved":   {"UPDATE sealed_record SET key = 'd' WHERE key = 'c'", "record c: the vault is damaged: it is missing"},
		"a record copied": {
			"INSERT INTO sealed_record SELECT 'd', version, sealed FROM sealed_record WHERE key = 'c'",
			"record d: the vault is damaged",
		},
		"the list removed": {"DELETE FROM sealed_record WHERE key = 'meta/manifest'", "the vault is not the one that was used last"},
		"the list put back": {
			"DELETE FROM sealed_record WHERE key = 'meta/manifest'; INSERT INTO sealed_record SELECT * FROM early.sealed_record WHERE key = 'meta/manifest'",
			"it is at generation 4, but had got to 8",
		},
		"the list renumbered": {"UPDATE sealed_record SET version = 100 WHERE key = 'meta/manifest'", "open record meta/manifest: the vault is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tampered := filepath.Join(t.TempDir(), "vault.db")
			copyFile(t, path, tampered)
			copyFile(t, path+sqlite.MarkSuffix, tampered+sqlite.MarkSuffix)
			if _, err := openFile(t, tampered).List(t.Context(), ""); err != nil {
				t.Fatalf("before: %v", err)
			}
			change(t, tampered, fmt.Sprintf("ATTACH '%s' AS early; %s", early, tt.statements))
			v := openFile(t, tampered)
			_, err := v.List(t.Context(), "")
			if !errors.Is(err, vault.ErrCorrupt) && !errors.Is(err, vault.ErrRolledBack) || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			found, err := v.Examine(t.Context())
			if err != nil || found.OK() {
				t.Errorf("examined: %+v, %v", found, err)
			}
		})
	}
}

// To remove list and mark does not make a vault pass for one of the time before there was either.
func TestAttack39TheListIsNotLeftOut(t *testing.T) {
	t.Parallel()
	path := filled(t)
	change(t, path, "DELETE FROM sealed_record WHERE key = 'meta/manifest'")
	if err := os.Remove(path + sqlite.MarkSuffix); err != nil {
		t.Fatal(err)
	}
	v := openFile(t, path)
	_, err := v.Get(t.Context(), "a")
	wantError(t, "read", err, vault.ErrCorrupt)
	_, err = v.Put(t.Context(), "d", nil, 0)
	wantError(t, "write", err, vault.ErrCorrupt)
	_, err = v.Accept(t.Context())
	wantError(t, "accept", err, vault.ErrCorrupt)
}

// Attack 39: the whole file is put back, or another one in its place. Nothing is read or written before somebody has
// accepted it.
func TestAttack39TheWholeVaultPutBackIsNoticed(t *testing.T) {
	t.Parallel()
	other := filled(t)
	for name, tt := range map[string]struct {
		tamper func(t *testing.T, path, early string)
		says   string
	}{
		"an earlier copy": {
			func(t *testing.T, path, early string) { t.Helper(); copyFile(t, early, path) },
			"it is at generation 6, but had got to 8",
		},
		"another vault": {
			func(t *testing.T, path, _ string) { t.Helper(); copyFile(t, other, path) }, "belongs to another vault",
		},
		"no mark": {
			func(t *testing.T, path, _ string) {
				t.Helper()
				if err := os.Remove(path + sqlite.MarkSuffix); err != nil {
					t.Fatal(err)
				}
			}, "is missing",
		},
		"an empty mark": {
			func(t *testing.T, path, _ string) {
				t.Helper()
				if err := os.WriteFile(path+sqlite.MarkSuffix, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}, "is damaged",
		},
		"an earlier copy and a forged mark": {
			func(t *testing.T, path, early string) {
				t.Helper()
				copyFile(t, early, path)
				b, err := os.ReadFile(path + sqlite.MarkSuffix)
				if err != nil {
					t.Fatal(err)
				}
				forged := bytes.Replace(b, []byte(" 8 "), []byte(" 6 "), 1)
				if err := os.WriteFile(path+sqlite.MarkSuffix, forged, 0o600); err != nil {
					t.Fatal(err)
				}
			}, "was changed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filled(t)
			early := filepath.Join(t.TempDir(), "early.db")
			copyFile(t, path, early)
			v := openFile(t, path)
			mustPut(t, v, "d", "new", 0)
			mustPut(t, v, "d", "newer", 1)
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			tt.tamper(t, path, early)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			v = openFile(t, path)
			_, err = v.Get(t.Context(), "a")
			wantError(t, "read", err, vault.ErrRolledBack)
			if !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			_, err = v.Put(t.Context(), "e", nil, 0)
			wantError(t, "write", err, vault.ErrRolledBack)
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the vault was changed")
			}
			if _, err := v.Accept(t.Context()); err != nil {
				t.Fatal(err)
			}
			v = openFile(t, path)
			mustPut(t, v, "e", "goes on", 0)
			if rec, err := openFile(t, path).Get(t.Context(), "e"); err != nil || string(rec.Value) != "goes on" {
				t.Errorf("got %q, %v", rec.Value, err)
			}
		})
	}
}

// A process that has the vault open notices too.
func TestARunningProcessNoticesThatTheVaultWasPutBack(t *testing.T) {
	t.Parallel()
	path := filled(t)
	early, earlyMark := filepath.Join(t.TempDir(), "early.db"), filepath.Join(t.TempDir(), "mark")
	copyFile(t, path, early)
	copyFile(t, path+sqlite.MarkSuffix, earlyMark)
	v := openFile(t, path)
	mustPut(t, v, "d", "new", 0)
	change(t, path, fmt.Sprintf("ATTACH '%s' AS early; DELETE FROM sealed_record; INSERT INTO sealed_record SELECT * FROM early.sealed_record", early))
	copyFile(t, earlyMark, path+sqlite.MarkSuffix)
	_, err := v.Get(t.Context(), "a")
	wantError(t, "read", err, vault.ErrRolledBack)
}

// The mark may lag behind, as after a crash between the commit and it.
func TestALaggingMarkIsNoAlarm(t *testing.T) {
	t.Parallel()
	path := filled(t)
	old := filepath.Join(t.TempDir(), "mark")
	copyFile(t, path+sqlite.MarkSuffix, old)
	v := openFile(t, path)
	mustPut(t, v, "d", "new", 0)
	copyFile(t, old, path+sqlite.MarkSuffix)
	if _, err := openFile(t, path).List(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

// What can be read of a damaged vault goes into a new one, and what cannot is named.
func TestSalvage(t *testing.T) {
	t.Parallel()
	path := filled(t)
	change(t, path, "UPDATE sealed_record SET sealed = x'0200' WHERE key = 'b'; DELETE FROM sealed_record WHERE key = 'c'")
	damaged, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	rows, err := damaged.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "fresh.db")
	to, err := sqlite.Open(t.Context(), fresh, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := vault.Salvage(t.Context(), rows, &xorKeys{name: "test", mask: 1}, to)
	if err != nil || found.Records != 1 || len(found.Lost) != 2 || found.Lost[0].Key != "b" || found.Lost[1].Key != "c" {
		t.Fatalf("got %+v, %v", found, err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	records, err := openFile(t, fresh).List(t.Context(), "")
	if err != nil || len(records) != 1 || string(records[0].Value) != "two of a" {
		t.Errorf("got %v, %v", records, err)
	}
}

// The journal of a write that was cut short is deleted, by somebody who tidies up: what is left of the database is a
// mixture of before and after. It is never taken for a vault.
func TestADeletedJournalIsNoticed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vault.db")
	v := openFile(t, path)
	var changes []vault.Change
	for i := range 60 {
		changes = append(changes, vault.Change{Key: vault.Key(fmt.Sprintf("key/%02d", i)), Value: make([]byte, 700)})
	}
	if err := errors.Join(v.Apply(t.Context(), changes...), v.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		"PRAGMA cache_size = 1", "BEGIN IMMEDIATE", // so that changed pages go to the file before the end
		"UPDATE sealed_record SET sealed = randomblob(700), version = version + 1 WHERE key LIKE 'key/%'",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(t.TempDir(), "vault.db")
	copyFile(t, path, left)
	copyFile(t, path+sqlite.MarkSuffix, left+sqlite.MarkSuffix)
	_, err = openFile(t, left).List(t.Context(), "")
	wantError(t, "without the journal", err, vault.ErrCorrupt)

	copyFile(t, path, left)
	copyFile(t, path+"-journal", left+"-journal")
	if records, err := openFile(t, left).List(t.Context(), ""); err != nil || len(records) != 60 {
		t.Errorf("with the journal: %d records, %v", len(records), err)
	}
}

// A rotation of the data key makes the list anew, in the same write: other processes go on, and what was put back before or
// after is noticed as ever.
func TestTheListSurvivesARotation(t *testing.T) {
	t.Parallel()
	path := filled(t)
	early := filepath.Join(t.TempDir(), "early.db")
	copyFile(t, path, early)
	v, other := openFile(t, path), openFile(t, path)
	if err := v.Rotate(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	mustPut(t, other, "c", "two of c", 1) // with the old key in memory
	mustPut(t, v, "new", "value", 0)
	for name, v := range map[string]*vault.Vault{"who rotated": v, "another": other, "a new process": openFile(t, path)} {
		records, err := v.List(t.Context(), "")
		if err != nil || len(records) != 4 {
			t.Errorf("%s: %d records, %v", name, len(records), err)
		}
		if found, err := v.Examine(t.Context()); err != nil || !found.OK() {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	change(t, path, "DELETE FROM sealed_record WHERE key = 'new'")
	err := openFile(t, path).Rotate(t.Context(), later)
	wantError(t, "rotate what was tampered with", err, vault.ErrCorrupt)
	copyFile(t, early, path)
	_, err = openFile(t, path).Get(t.Context(), "a")
	wantError(t, "the vault of before the rotation", err, vault.ErrRolledBack)
	wantError(t, "rotate it", openFile(t, path).Rotate(t.Context(), later), vault.ErrRolledBack)
}

// Many processes write while the key is changed under them.
func TestTheListIsRightWhateverHappensAtOnce(t *testing.T) {
	t.Parallel()
	path := filled(t)
	var wg sync.WaitGroup
	for w := range 4 {
		v := openFile(t, path)
		wg.Go(func() {
			key := vault.Key(fmt.Sprintf("w/%d", w))
			for n := range uint64(15) {
				if _, err := v.Put(t.Context(), key, fmt.Append(nil, n), n); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				if _, err := v.List(t.Context(), ""); err != nil {
					t.Errorf("reader %d: %v", w, err)
					return
				}
			}
		})
	}
	changer := openFile(t, path)
	wg.Go(func() {
		for range 6 {
			if err := changer.Rotate(t.Context(), later); err != nil {
				t.Errorf("rotate: %v", err)
			}
		}
	})
	wg.Wait()
	found, err := openFile(t, path).Examine(t.Context())
	if err != nil || !found.OK() || found.Records != 7 {
		t.Errorf("got %+v, %v", found, err)
	}
}
