package atomicfile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"authsome/internal/atomicfile"
)

func TestFileIsReplacedAndNothingElseIsLeft(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "home", "config.json")
	for _, content := range []string{"old", "new"} {
		if err := atomicfile.WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	onlyEntry(t, filepath.Dir(path))
}

func TestFailureLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a directory")
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.WriteFile(path, []byte("x")); err == nil {
		t.Error("a directory was replaced")
	}
	onlyEntry(t, filepath.Dir(path))
}

func onlyEntry(t *testing.T, dir string) {
	t.Helper()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files are there, %v", len(entries), err)
	}
}
