package keysource

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A process that is killed while it removes a key file leaves nothing where a key is looked for, and the next one removes
// the rest.
func TestKilledRemovalLeavesNoBrokenKey(t *testing.T) {
	t.Parallel()
	f := file{path: filepath.Join(t.TempDir(), "master.key")}
	if _, err := f.Wrap(t.Context(), bytes.Repeat([]byte{1}, 32)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.path, f.path+removedSuffix); err != nil { // as far as the killed one came
		t.Fatal(err)
	}
	if err := overwrite(f.path + removedSuffix); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Wrap(t.Context(), bytes.Repeat([]byte{1}, 32)); err != nil {
		t.Errorf("a new key cannot be made: %v", err)
	}
	if err := f.remove(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{f.path, f.path + removedSuffix} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
