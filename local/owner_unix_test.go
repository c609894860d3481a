//go:build !windows

package local_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authsome/local"
)

func TestAFileThatOthersMayWriteNamesNoProgram(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		dir, file os.FileMode
		trusted   bool
	}{
		{0o700, 0o600, true},
		{0o755, 0o644, true},
		{0o700, 0o664, true}, // by hand, with a umask of 002
		{0o700, 0o666, true},
		{0o710, 0o664, false},
		{0o755, 0o664, false},
		{0o701, 0o602, false},
	} {
		dir := filepath.Join(t.TempDir(), "home")
		path := filepath.Join(dir, "config.json")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for name, mode := range map[string]os.FileMode{path: tt.file, dir: tt.dir} {
			if err := os.Chmod(name, mode); err != nil {
				t.Fatal(err)
			}
		}
		err := local.OwnFile(path)
		if tt.trusted && err != nil || !tt.trusted && (err == nil || !strings.Contains(err.Error(), "chmod 600")) {
			t.Errorf("%o in %o: %v", tt.file, tt.dir, err)
		}
	}
	if os.Geteuid() == 0 {
		path := filepath.Join(t.TempDir(), "vault.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 12345, -1); err != nil {
			t.Skip(err)
		}
		if err := local.OwnFile(path); err == nil {
			t.Error("root runs what another user names")
		}
	}
}
