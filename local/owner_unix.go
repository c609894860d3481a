//go:build !windows

package local

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"authsome/internal/shell"
)

// OwnFile says why a program that a file names must not be run: somebody else may have written its name there. Root is no
// exception, who would lend them the rights of everybody.
func OwnFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write %s, which names it; run: chmod 600 %s", path, shell.Word(path))
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return errors.New(path + ", which names it, belongs to somebody else")
	}
	return nil
}
