//go:build !windows

package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"authsome/internal/shell"
)

// OwnFile says why a program that a file names must not be run: somebody else may have written its name there. Root is no
// exception, who would lend them the rights of everybody. What is made by hand has the mode of the user's umask, which lets
// their group write where groups are for one user: that does no harm where nobody else gets to the file.
func OwnFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 && !isPrivate(filepath.Dir(path)) {
		return fmt.Errorf("others may write %s, which names it; run: chmod 600 %s", path, shell.Word(path))
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return errors.New(path + ", which names it, belongs to somebody else")
	}
	return nil
}

// isPrivate reports whether nobody but its owner, who is the user, can reach what is in a directory.
func isPrivate(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o011 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
