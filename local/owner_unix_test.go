//go:build !windows

package local_test

import (
	"os"
	"path/filepath"
	"testing"

	"authsome/local"
)

// A file names a program. Whoever else can write it, or has written it, would have it run as us, root or not.
func TestAProgramIsNamedByItsOwnUserOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, trusted := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o660: false, 0o602: false, 0o666: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := local.OwnFile(path); (err == nil) != trusted {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := local.OwnFile(path + ".none"); err == nil {
		t.Error("a file that is not there is trusted")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of somebody else")
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if err := local.OwnFile(path); err == nil {
		t.Error("root trusts a file of another user")
	}
}
