// Package atomicfile writes files of the home so that a reader sees the old content or the new one, whatever happens. Use
// [WriteFile] and [ReadFile], and [Lock] to read, change and write while no other process does the same.
package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WriteFile replaces the file at path in one step. The new one is made with mode 0600, and its directory, if there is
// none, with 0700. When it fails the old file is as it was.
func WriteFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // created with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), Remove(f.Name()))
	}
	return nil
}
