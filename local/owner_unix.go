//go:build !windows

package local

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"authsome/internal/shell"
)

// ownVault says why a program that the vault names must not be run: somebody else may have written its name there.
func ownVault(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write %s, which names it; run: chmod 600 %s", path, shell.Word(path))
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() && os.Geteuid() != 0 {
		return errors.New(path + ", which names it, belongs to somebody else")
	}
	return nil
}
