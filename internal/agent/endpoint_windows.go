package agent

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
	"github.com/gofrs/flock"
	"golang.org/x/sys/windows"
)

// endpoint is the named pipe of a home's agent and the right to it.
type endpoint struct {
	net.Listener
	lock *flock.Flock
}

// listen takes the right to the pipe of a directory and opens it, for this user alone. It fails with [ErrRunning].
func listen(dir string) (*endpoint, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
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
	user, err := userOf(windows.CurrentProcess())
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	// A pipe of that name must not exist: the library opens the first instance, or none.
	l, err := winio.ListenPipe(pipe(dir, user), &winio.PipeConfig{SecurityDescriptor: "D:P(A;;GA;;;" + user + ")"})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the pipe of the agent: %w", err), lock.Close())
	}
	return &endpoint{Listener: l, lock: lock}, nil
}

// Accept maps the library's error for a closed pipe to that of package net.
func (e *endpoint) Accept() (net.Conn, error) {
	conn, err := e.Listener.Accept()
	if errors.Is(err, winio.ErrPipeListenerClosed) {
		err = errors.Join(net.ErrClosed, err)
	}
	return conn, err
}

// Close closes the pipe while it is still ours.
func (e *endpoint) Close() error { return errors.Join(e.Listener.Close(), e.lock.Close()) }

// pipe is the name of the pipe of a directory.
func pipe(dir, user string) string {
	sum := sha256.Sum256([]byte(user + "\x00" + strings.ToLower(filepath.Clean(dir))))
	return fmt.Sprintf(`\\.\pipe\authsome-agent-%x`, sum[:16])
}

// bound is a connection that ends with a context.
type bound struct {
	net.Conn
	stop func() bool
}

// Close ends the connection.
func (b bound) Close() error {
	b.stop()
	return b.Conn.Close()
}

// dial reaches the agent of a directory, if it is the user's own: a name of a pipe is there for anybody to take. What is done
// with the connection ends with ctx.
func dial(ctx context.Context, dir string) (conn, error) {
	user, err := userOf(windows.CurrentProcess())
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, promptness)
	defer cancel()
	conn, err := winio.DialPipeContext(limited, pipe(dir, user))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(errNoAgent, err)
	}
	if err != nil {
		return nil, err
	}
	if _, err := other(conn, windows.GetNamedPipeServerProcessId); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return bound{conn, context.AfterFunc(ctx, func() { _ = conn.Close() })}, nil
}

// identify says who is at the other end, and fails unless it is a process of the same user.
func identify(conn net.Conn) (Caller, error) {
	pid, err := other(conn, windows.GetNamedPipeClientProcessId)
	if err != nil {
		return Caller{}, err
	}
	return Caller{PID: int(pid)}, nil
}

// other returns the process at one end of a pipe, which must be this user's.
func other(conn net.Conn, which func(windows.Handle, *uint32) error) (pid uint32, err error) {
	file, ok := conn.(interface{ Fd() uintptr })
	if !ok {
		return 0, errStranger
	}
	if err := which(windows.Handle(file.Fd()), &pid); err != nil {
		return 0, fmt.Errorf("ask who is at the other end: %w", err)
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errStranger, err)
	}
	defer func() { _ = windows.CloseHandle(process) }()
	theirs, err := userOf(process)
	if err != nil {
		return 0, err
	}
	ours, err := userOf(windows.CurrentProcess())
	if err != nil {
		return 0, err
	}
	if theirs != ours {
		return 0, errStranger
	}
	return pid, nil
}

// userOf returns the security identifier of a process's user.
func userOf(process windows.Handle) (string, error) {
	var token windows.Token
	if err := windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token); err != nil {
		return "", fmt.Errorf("ask for the user of a process: %w", err)
	}
	defer func() { _ = token.Close() }()
	user, err := token.GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("ask for the user of a process: %w", err)
	}
	return user.User.Sid.String(), nil
}

// describe looks a process up.
func describe(pid int) Caller {
	c := Caller{PID: pid}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return c
	}
	defer func() { _ = windows.CloseHandle(process) }()
	name := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(name))
	if windows.QueryFullProcessImageName(process, 0, &name[0], &size) == nil {
		c.Command = windows.UTF16ToString(name[:size])
	}
	return c
}
