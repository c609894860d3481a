package companion

import (
	"os"
	"path/filepath"
	"testing"
)

func TestProgramBesideIsPreferred(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, beside := filepath.Join(dir, "authsome"), filepath.Join(dir, "authsome-kms")
	if got := besideOr(self, "authsome-kms"); got != "authsome-kms" {
		t.Errorf("where there is none: %s", got)
	}
	if err := os.Mkdir(beside, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := besideOr(self, "authsome-kms"); got != "authsome-kms" {
		t.Errorf("where there is a directory: %s", got)
	}
	if err := os.Remove(beside); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(beside, nil, 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if got := besideOr(self, "authsome-kms"); got != beside {
		t.Errorf("got %s", got)
	}
}
