package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrInUse is the error of a directory that another living process has.
var ErrInUse = errors.New("another process has it")

// Claim makes a directory the caller's own, until Close or the end of the process. Unlike that of a run it has a name
// that stays: programs that outlive one proxy find the files of the next one where they found those before. Nothing is
// written to it before [Files.Write]. It fails with [ErrInUse] if another process has the directory.
func Claim(dir string) (*Files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("claim a directory: %w", err)
	}
	lock := flock.New(filepath.Join(dir, lockName))
	ok, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("claim the directory %s: %w", dir, err)
	case !ok:
		return nil, fmt.Errorf("claim the directory %s: %w", dir, ErrInUse)
	}
	return &Files{dir: dir, lock: lock, Paths: pathsIn(dir)}, nil
}

// Write writes the files for children whose parent has the given environment, over those there are.
func (f *Files) Write(caPEM []byte, parent []string) error {
	if err := f.write(caPEM, parent); err != nil {
		return fmt.Errorf("write the files of the proxy: %w", err)
	}
	return nil
}

// Release gives the directory up and leaves what is in it. Close removes it.
func (f *Files) Release() error { return f.lock.Unlock() }
