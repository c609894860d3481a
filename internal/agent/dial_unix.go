//go:build linux || darwin

package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// wire is a socket without the poller of package net, which a command that asks for one key would start for nothing: that
// takes as long as all the rest. One goroutine uses it.
type wire struct {
	fd       int
	deadline time.Time
	done     <-chan struct{} // ends every waiting
	cause    func() error    // why it did
}

// dial reaches the agent of a directory, if it is the user's own. What is done with the connection ends with ctx.
func dial(ctx context.Context, dir string) (conn, error) {
	short, done, err := reachable(dir, false)
	if err != nil {
		return nil, errors.Join(errNoAgent, err)
	}
	defer done()
	fd, err := newSocket()
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: filepath.Join(short, socketFile)})
	if err == nil {
		_, err = own(fd)
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		err = errors.Join(errNoAgent, err)
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return &wire{fd: fd, done: ctx.Done(), cause: ctx.Err}, nil
}

// SetDeadline bounds what follows.
func (w *wire) SetDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

// Read implements [io.Reader].
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.retry(unix.POLLIN, func() (int, error) { return unix.Read(w.fd, b) })
	if n == 0 && err == nil && len(b) > 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements [io.Writer].
func (w *wire) Write(b []byte) (written int, err error) {
	for written < len(b) && err == nil {
		var n int
		n, err = w.retry(unix.POLLOUT, func() (int, error) { return unix.SendmsgN(w.fd, b[written:], nil, nil, noSignal) })
		written += n
	}
	return written, err
}

// Close implements [io.Closer].
func (w *wire) Close() error { return unix.Close(w.fd) }

// glance is how often somebody who waits looks whether it is still wanted.
const glance = 50 * time.Millisecond

// retry does something that can be done once the socket is ready.
func (w *wire) retry(event int16, do func() (int, error)) (int, error) {
	for {
		n, err := do()
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EAGAIN):
			return max(n, 0), err
		}
		left := time.Until(w.deadline)
		if left <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		select {
		case <-w.done:
			return 0, w.cause()
		default:
		}
		wait := int(min(left, glance)/time.Millisecond) + 1
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: event}}, wait); err != nil && !errors.Is(err, unix.EINTR) {
			return 0, err
		}
	}
}
