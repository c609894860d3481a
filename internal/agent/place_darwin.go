package agent

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxSocketPath is what fits into the address of a socket, with the ".new" of a fresh one.
const maxSocketPath = 103 - len(".new")

// place is where the socket of a directory lies: in it or, if its path is too long for a socket, in a directory with a
// name made from its own among the temporary ones of the user.
func place(dir string) string {
	if len(filepath.Join(dir, socketFile)) <= maxSocketPath {
		return dir
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(os.TempDir(), fmt.Sprintf("authsome-%d-%x", os.Geteuid(), sum[:8]))
}

// reachable returns the place of the socket of a directory, which is the user's alone.
func reachable(dir string, create bool) (short string, done func(), err error) {
	at := place(dir)
	if create {
		err = makeOwn(at)
	}
	return at, func() {}, err
}

// noSignal is set on the socket instead.
const noSignal = 0

func newSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	unix.CloseOnExec(fd)
	err = unix.SetNonblock(fd, true)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
