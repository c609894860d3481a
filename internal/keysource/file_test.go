package keysource_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"authsome/internal/keysource"
	"authsome/vault"
)

func TestFileIsMadeOnFirstUse(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "home")
	path := filepath.Join(dir, "master.key")
	roundTrip(t, keysource.File(path), keysource.File(path))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("the key file has mode %v, want 0600", info.Mode())
	}
	wantFiles(t, dir, "master.key")
	roundTrip(t, keysource.File(path), keysource.File(path))
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func TestRacingFirstUsesMakeOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	wrapped := make([][]byte, 32)
	var wg sync.WaitGroup
	for i := range wrapped {
		wg.Go(func() {
			var err error
			if wrapped[i], err = keysource.File(path).Wrap(t.Context(), dataKey); err != nil {
				t.Errorf("wrap: %v", err)
			}
		})
	}
	wg.Wait()
	for i, w := range wrapped {
		if _, err := keysource.File(path).Unwrap(t.Context(), w); err != nil {
			t.Errorf("what use %d wrapped: %v", i, err)
		}
	}
	wantFiles(t, dir, "master.key")
}

func TestUnwrapNeverMakesAKey(t *testing.T) {
	t.Parallel()
	elsewhere := keysource.File(filepath.Join(t.TempDir(), "master.key"))
	wrapped, err := elsewhere.Wrap(t.Context(), dataKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, err = keysource.File(filepath.Join(dir, "master.key")).Unwrap(t.Context(), wrapped)
	wantError(t, "unwrap without a key file", err, vault.ErrWrongKey, keysource.ErrMissing)
	wantFiles(t, dir)
}

func TestFileAndEnvironmentShareKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := keysource.File(path).Wrap(t.Context(), dataKey); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	environment, err := keysource.Environment(strings.Fields(string(content))[1])
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, keysource.File(path), environment)
}

func TestAFileThatIsNoWholeKeyIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	good := "authsome-key-v1 " + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"
	for name, content := range map[string]string{
		"empty":          "",
		"prefix only":    "authsome-key-v1 ",
		"truncated":      good[:40],
		"one byte short": good[:len(good)-3],
		"bare key":       good[16:],
		"two lines":      good + good,
		"other version":  strings.Replace(good, "v1", "v2", 1),
		"too long":       good + strings.Repeat("\n", 300),
		"binary":         string(make([]byte, 32)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "master.key")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := keysource.File(path).Wrap(t.Context(), dataKey)
			wantError(t, "wrap", err, keysource.ErrMalformed, vault.ErrUnavailable)
			_, err = keysource.File(path).Unwrap(t.Context(), []byte{1})
			wantError(t, "unwrap", err, keysource.ErrMalformed, vault.ErrUnavailable)
			if got, _ := os.ReadFile(path); string(got) != content {
				t.Error("the file was changed")
			}
		})
	}
	path := t.TempDir()
	_, err := keysource.File(path).Wrap(t.Context(), dataKey)
	wantError(t, "a directory", err, vault.ErrUnavailable)
}

func TestAnExposedKeyIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing on Windows")
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644, 0o620, 0o601} {
		path := filepath.Join(t.TempDir(), "master.key")
		source := keysource.File(path)
		wrapped, err := source.Wrap(t.Context(), dataKey)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err = source.Unwrap(t.Context(), wrapped)
		wantError(t, mode.String(), err, keysource.ErrExposed, vault.ErrUnavailable)
		if p, ok := errors.AsType[*keysource.Problem](err); !ok || p.Hint() != "chmod 600 "+path {
			t.Errorf("%v: the hint of %v does not say what to do", mode, err)
		}
		if err := os.Chmod(path, 0o400); err != nil {
			t.Fatal(err)
		}
		if _, err := source.Unwrap(t.Context(), wrapped); err != nil {
			t.Errorf("a read-only key: %v", err)
		}
	}
}

// What authsome 0.2 left in a home has the name of our key file. It is kept byte for byte, and ours goes beside it.
func TestAForeignKeyFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"whole":   `{"version": 1, "key": "AAAA", "algorithm": "AES-256-GCM", "note": "` + strings.Repeat("long ", 60) + `"}`,
		"damaged": "\n {",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "master.key")
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil { // whoever may read it: it is not ours
				t.Fatal(err)
			}
			wrapped, err := keysource.File(path).Wrap(t.Context(), dataKey)
			if err != nil {
				t.Fatal(err)
			}
			wantFiles(t, dir, "master.key", "vault.key")
			if got, _ := os.ReadFile(path); string(got) != content {
				t.Errorf("the foreign file was changed to %q", got)
			}
			if got := keysource.FilePath(path); got != filepath.Join(dir, "vault.key") {
				t.Errorf("the key is said to be in %s", got)
			}
			if err := os.Remove(path); err != nil { // the old program was cleared away
				t.Fatal(err)
			}
			if _, err := keysource.File(path).Unwrap(t.Context(), wrapped); err != nil {
				t.Errorf("unwrap without the foreign file: %v", err)
			}
			roundTrip(t, keysource.File(path), keysource.File(path))
			wantFiles(t, dir, "vault.key")
		})
	}
}

func TestAForeignKeyFileIsNoKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(path, []byte(`{"key": "AAAA"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := keysource.File(path).Unwrap(t.Context(), []byte{1})
	wantError(t, "unwrap", err, vault.ErrWrongKey, keysource.ErrMissing)
	if err != nil && !strings.Contains(err.Error(), "vault.key") {
		t.Errorf("the error %q does not name the file that is missing", err)
	}
}
