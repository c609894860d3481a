//go:build unix

package standing

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// shortTempDir is where a directory for a socket may be made: $TMPDIR, unless that lies too deep as well.
func shortTempDir() string {
	if made := "/authsome-4294967295/" + socketFile; len(os.TempDir())+len(made) > maxSocketPath {
		return "/tmp"
	}
	return os.TempDir()
}

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
