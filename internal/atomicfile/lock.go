package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

// Lock waits for the lock file at path, which it makes with mode 0600, and its directory with 0700. The operating system unlocks
// when the holder dies. Lock files are never deleted: a process could go on waiting for one that others no longer see.
func Lock(path string) (unlock func(), err error) {
	file := flock.New(path, flock.SetPermissions(0o600))
	for {
		err = file.Lock()
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
				continue
			}
		}
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	return func() { _ = file.Unlock() }, err // closing the file, its last step, unlocks in any case
}
