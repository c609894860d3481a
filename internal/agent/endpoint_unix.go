//go:build linux || darwin

package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"

	"authsome/internal/shell"
)

// endpoint is the socket of a home's agent and the right to it.
type endpoint struct {
	*net.UnixListener
	path string
	lock *flock.Flock
}

// listen takes the right to the socket of a directory and opens it. It fails with [ErrRunning].
//
// Who has the lock may remove what lies at the socket's place, since its owner is gone. The socket gets there by being
// renamed when it already listens and has its mode: a client finds the old one, on which nobody answers, or this one.
func listen(dir string) (*endpoint, error) {
	if err := makeOwn(dir); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, LockFile), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	if !locked {
		return nil, errors.Join(ErrRunning, lock.Close())
	}
	e := &endpoint{lock: lock}
	if err := e.open(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open the socket of the agent: %w", err), lock.Close())
	}
	return e, nil
}

func (e *endpoint) open(dir string) error {
	short, done, err := reachable(dir, true)
	if err != nil {
		return err
	}
	defer done()
	fresh := filepath.Join(short, socketFile+".new")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	e.UnixListener, err = net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return err
	}
	e.SetUnlinkOnClose(false)
	e.path = filepath.Join(place(dir), socketFile)
	err = os.Chmod(fresh, 0o600)
	if err == nil {
		err = os.Rename(fresh, e.path)
	}
	if err != nil {
		return errors.Join(err, e.UnixListener.Close())
	}
	return nil
}

// Close removes the socket while it is still ours.
func (e *endpoint) Close() error {
	err := os.Remove(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, e.UnixListener.Close(), e.lock.Close())
}

// makeOwn makes a directory that is the user's alone, and refuses one that is not.
func makeOwn(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not a directory of yours", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be entered by others; run: chmod 700 %s", dir, shell.Word(dir))
	}
	return nil
}

// identify says who is at the other end, and fails unless it is a process of the same user: root is none either, as it
// has no business here that it could not do without asking.
func identify(conn net.Conn) (Caller, error) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return Caller{}, errStranger
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return Caller{}, err
	}
	var who Caller
	var whoErr error
	if err := raw.Control(func(fd uintptr) { who, whoErr = own(int(fd)) }); err != nil {
		return Caller{}, err
	}
	return who, whoErr
}

// own is identify for a socket.
func own(fd int) (Caller, error) {
	uid, pid, err := peerOf(fd)
	if err != nil {
		return Caller{}, err
	}
	if uid != os.Geteuid() {
		return Caller{}, fmt.Errorf("%w: %d", errStranger, uid)
	}
	return Caller{PID: pid}, nil
}
