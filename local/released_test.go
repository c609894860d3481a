package local_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"authsome"
	"authsome/internal/audit"
	"authsome/local"
)

// Every released version has left a home in testdata/homes, made by it and never changed since. Each opens, is as it was
// until something is written, and goes on then.
func TestHomesOfReleasedVersionsGoOn(t *testing.T) {
	t.Parallel()
	homes, err := filepath.Glob("testdata/homes/schema-*")
	if err != nil || len(homes) == 0 {
		t.Fatal("there are no homes", err)
	}
	for _, released := range homes {
		t.Run(filepath.Base(released), func(t *testing.T) {
			t.Parallel()
			home := copyHome(t, released)
			before := mustReadFile(t, filepath.Join(home, local.VaultFile))
			l := openHome(t, home)
			want := map[authsome.Ref]string{
				{Profile: "default", Provider: "openai"}: "sk-fixture-0123456789abcdefghijklmnopqrstuvwxyz",
				{Profile: "team", Provider: "openai"}:    "sk-fixture-team89abcdefghijklmnopqrstuvwxyz",
			}
			check := func(l *local.Layer) {
				t.Helper()
				for ref, value := range want {
					c, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{})
					if err != nil || c.Value.Reveal() != value {
						t.Errorf("%v: %v, or another value", ref, err)
					}
				}
				if all, err := l.List(t.Context(), authsome.DefaultProfile); err != nil || len(all) != 2 {
					t.Errorf("%d connections, %v", len(all), err)
				}
				if found, err := l.Examine(t.Context()); err != nil || !found.OK() {
					t.Errorf("examined: %+v, %v", found, err)
				}
			}
			check(l)
			if !bytes.Equal(before, mustReadFile(t, filepath.Join(home, local.VaultFile))) {
				t.Error("reading has changed the vault")
			}
			trail := audit.Open(filepath.Join(home, local.AuditFile))
			trail.Key = func() (authsome.Secret, error) { return l.AuditKey(t.Context()) }
			if err := trail.Record(authsome.Event{Name: "test"}); err != nil {
				t.Error(err)
			}
			if report, err := trail.Verify(); err != nil || !report.OK() || report.Entries < 4 {
				t.Errorf("the audit log: %+v, %v", report, err)
			}
			if err := l.CreateProfile(t.Context(), "new"); err != nil {
				t.Fatal(err)
			}
			check(l)
			check(openHome(t, home))
		})
	}
}

func copyHome(t *testing.T, from string) string {
	t.Helper()
	home := t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries { // git does not keep their modes
		if err := os.WriteFile(filepath.Join(home, e.Name()), mustReadFile(t, filepath.Join(from, e.Name())), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func mustReadFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openHome(t *testing.T, home string) *local.Layer {
	t.Helper()
	keys, err := local.KeySource(home, authsome.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := local.Open(t.Context(), local.Config{Home: home, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// A home that a later version has used is refused as a whole, and left alone.
func TestAHomeOfALaterVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	home := copyHome(t, "testdata/homes/schema-1")
	path := filepath.Join(home, local.VaultFile)
	content := mustReadFile(t, path)
	content[63] = 99 // the version of the schema, in SQLite's header
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := local.KeySource(home, authsome.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = local.Open(t.Context(), local.Config{Home: home, Keys: keys})
	if authsome.KindOf(err) != authsome.KindVaultUnavailable || authsome.AsError(err).Hint != "install the version of authsome that wrote it, or a later one" {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(content, mustReadFile(t, path)) {
		t.Error("the vault was changed")
	}
}
