//go:build !windows

package atomicfile

import (
	"errors"
	"os"
)

// SyncDir makes the names in a directory survive the death of the machine.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
