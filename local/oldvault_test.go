package local_test

import (
	"os"
	"path/filepath"
	"testing"

	"authsome"
	"authsome/local"
)

// testdata/vault-1 is a home as the version before key sources could be changed has left it: an envelope of format 1, and an
// API key. It must open for ever, and everything must work on it.
func TestAVaultOfTheFirstFormatOpens(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"vault.db", "master.key"} {
		content, err := os.ReadFile(filepath.Join("testdata", "vault-1", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(home, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ref := authsome.Ref{Profile: "default", Provider: "openai", Connection: "default"}
	wantKey := func(when string) *local.Layer {
		t.Helper()
		l, err := local.Open(t.Context(), local.Config{Home: home})
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		t.Cleanup(func() { _ = l.Close() })
		c, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{})
		if err != nil || c.Value.Reveal() != "sk-fixture-key-0123456789abcdefghij" {
			t.Errorf("%s: got %v, error %v", when, c, err)
		}
		return l
	}
	l := wantKey("as it is")
	e, err := local.KeyEnvelope(t.Context(), home)
	if err != nil || e.Format != 1 || e.KeySource != "file" {
		t.Errorf("it is not an old one: %+v, error %v", e, err)
	}
	if err := l.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKey("after a rotation")
	if e, _ := local.KeyEnvelope(t.Context(), home); e.Format != 2 {
		t.Errorf("after a rotation the format is %d", e.Format)
	}
}
