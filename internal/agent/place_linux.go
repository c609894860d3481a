package agent

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// place is where the socket of a directory lies: in it.
func place(dir string) string { return dir }

// reachable returns a short name of a directory, good until done is called: the path of a socket has room for 107 bytes,
// and a home may lie deep.
func reachable(dir string, _ bool) (short string, done func(), err error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, fmt.Errorf("open %s: %w", dir, err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd), func() { _ = unix.Close(fd) }, nil
}

// noSignal keeps a write to a socket that was closed from ending the process.
const noSignal = unix.MSG_NOSIGNAL

func newSocket() (int, error) {
	return unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}
