package vault_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"authsome/internal/sqlite"
	"authsome/vault"
)

// watched opens the vault in a database file on a machine that keeps its mark a second time, as a process of its own would.
func watched(t *testing.T, path, witness string) *vault.Vault {
	t.Helper()
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{Witness: witness})
	if err != nil {
		t.Fatal(err)
	}
	v := open(t, store)
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// Attack 39 by a thorough thief: the vault is put back together with the mark beside it. Only what is kept apart can tell.
func TestAttack39TheVaultPutBackWithItsMarkIsNoticed(t *testing.T) {
	t.Parallel()
	replace := func(old, with string) func(t *testing.T, path, witness string) {
		return func(t *testing.T, _, witness string) {
			t.Helper()
			b, err := os.ReadFile(witness)
			if err != nil || !bytes.Contains(b, []byte(old)) {
				t.Fatalf("%q, %v", b, err)
			}
			if err := os.WriteFile(witness, bytes.Replace(b, []byte(old), []byte(with), 1), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		then func(t *testing.T, path, witness string)
		want error
	}{
		"an earlier copy": {func(*testing.T, string, string) {}, vault.ErrRolledBack},
		// What is kept apart may be lost, damaged, forged or another's: the machine has not seen the vault then.
		"nothing apart": {func(t *testing.T, _, witness string) {
			t.Helper()
			if err := os.Remove(witness); err != nil {
				t.Fatal(err)
			}
		}, nil},
		"a directory apart": {func(t *testing.T, _, witness string) {
			t.Helper()
			if err := errors.Join(os.Remove(witness), os.Mkdir(witness, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, nil},
		"nonsense apart": {replace("authsome-mark-v1 ", "authsome-mark-v1"), nil},
		"a forged mark":  {replace(" 7 ", " 9 "), nil},
		"another vault's": {func(t *testing.T, _, witness string) {
			t.Helper()
			copyFile(t, filled(t)+sqlite.MarkSuffix, witness)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, dir := filled(t), t.TempDir()
			witness := filepath.Join(dir, "not", "there", "yet")
			early, earlyMark := filepath.Join(dir, "early.db"), filepath.Join(dir, "early.mark")
			copyFile(t, path, early)
			copyFile(t, path+sqlite.MarkSuffix, earlyMark)
			mustPut(t, watched(t, path, witness), "d", "new", 0)
			copyFile(t, early, path)
			copyFile(t, earlyMark, path+sqlite.MarkSuffix)
			tt.then(t, path, witness)

			v := watched(t, path, witness)
			if _, err := v.Get(t.Context(), "a"); !errors.Is(err, tt.want) {
				t.Errorf("read: got %v, want %v", err, tt.want)
			}
			if _, err := v.Put(t.Context(), "e", nil, 0); !errors.Is(err, tt.want) {
				t.Errorf("write: got %v, want %v", err, tt.want)
			}
			if found, err := v.Examine(t.Context()); err != nil || !errors.Is(found.RolledBack, tt.want) {
				t.Errorf("examine: got %v, %v, want %v", found, err, tt.want)
			}
			if tt.want == nil {
				return
			}
			// A person has put it there.
			if _, err := v.Accept(t.Context()); err != nil {
				t.Fatal(err)
			}
			mustPut(t, watched(t, path, witness), "e", "goes on", 0)
		})
	}
}

// A vault that is carried between machines has got further, or is as far, when it comes back; a copy starts with nothing.
func TestAVaultThatWasUsedElsewhereIsNoAlarm(t *testing.T) {
	t.Parallel()
	path, dir := filled(t), t.TempDir()
	here, there := filepath.Join(dir, "here"), filepath.Join(dir, "there")
	for i, witness := range []string{here, there, "", here, there} {
		if _, err := watched(t, path, witness).Get(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		mustPut(t, watched(t, path, witness), "a", "changed", uint64(i)+2)
	}
}
