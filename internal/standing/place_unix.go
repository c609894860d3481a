//go:build unix

package standing

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// checkPlace reports what is wrong with where a socket is. Below the directory of the state it is where the user put it; elsewhere
// everybody can make files, and what listens there hands out addresses and passwords.
func checkPlace(dir, socket string) error {
	at := filepath.Dir(socket)
	if at == filepath.Clean(dir) {
		return nil
	}
	info, err := os.Lstat(at)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("the directory %s is not yours alone", at)
	}
	return nil
}
