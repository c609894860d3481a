package http1

import (
	"net"
	"os"
	"sync"
	"syscall"
)

// Wire is the connection below TLS, or a bare one. It can be read without waiting, and what is written between cork and
// uncork leaves in one piece: crypto/tls writes each of its records (16 KiB at most, RFC 8446 section 5.1) by itself,
// and reads them one by one.
type Wire struct {
	net.Conn
	raw syscall.RawConn // nil where a connection cannot be read without waiting

	// What follows belongs to whoever reads.
	impatient bool
	reading   func(fd uintptr) bool // keeps reading from allocating
	p         []byte
	n         int
	err       error

	mu      sync.Mutex // guards all below: TLS writes by itself, too
	corked  bool
	held    *[]byte
	sent    int64                 // bytes that the system has taken
	writing func(fd uintptr) bool // keeps writing from allocating
	rest    []byte
	failed  error
}

// errNotYet is what a reader in haste is told when there is nothing to read. TLS takes it for a time-out and goes on
// where it was when it is asked again.
var errNotYet = os.ErrDeadlineExceeded

// NewWire returns a wire over a connection.
func NewWire(c net.Conn) *Wire {
	w := &Wire{Conn: c}
	if s, ok := c.(syscall.Conn); ok && canReadNow {
		w.raw, _ = s.SyscallConn()
	}
	w.reading = func(fd uintptr) bool {
		w.n, w.err = readNow(fd, w.p)
		return w.impatient || w.err != errNotYet //nolint:errorlint // the very value
	}
	w.writing = func(fd uintptr) bool {
		var n int
		n, w.failed = writeNow(fd, w.rest)
		w.rest = w.rest[n:]
		return w.failed != errNotYet //nolint:errorlint // the very value
	}
	return w
}

// wireOf returns the wire below a connection, or nil.
func wireOf(c net.Conn) *Wire {
	for {
		switch t := c.(type) {
		case *Wire:
			return t
		case interface{ NetConn() net.Conn }:
			c = t.NetConn()
		default:
			return nil
		}
	}
}

// Read reads from the connection.
func (w *Wire) Read(p []byte) (int, error) {
	if w.raw == nil && w.impatient {
		return 0, errNotYet
	}
	if w.raw == nil || len(p) == 0 {
		return w.Conn.Read(p)
	}
	w.p = p
	err := w.raw.Read(w.reading)
	w.p = nil
	if err != nil {
		return 0, err
	}
	return w.n, w.explain("read", w.err)
}

// explain says which connection failed, as the connection itself does.
func (w *Wire) explain(op string, err error) error {
	if _, ok := err.(syscall.Errno); !ok { //nolint:errorlint // it comes from the system as it is
		return err
	}
	local := w.LocalAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: w.RemoteAddr(), Err: os.NewSyscallError(op, err)}
}

// Write writes to the connection, or keeps p until uncork.
func (w *Wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.corked && len(*w.held)+len(p) <= cap(*w.held) {
		*w.held = append(*w.held, p...)
		return len(p), nil
	}
	if err := w.release(); err != nil {
		return 0, err
	}
	return w.pass(p)
}

// pass hands p to the system. The mutex is held.
func (w *Wire) pass(p []byte) (n int, err error) {
	if w.raw == nil || len(p) == 0 || len(p) > mostAtOnce {
		n, err = w.Conn.Write(p)
	} else {
		w.rest, w.failed = p, nil
		if err = w.raw.Write(w.writing); err == nil {
			err = w.explain("write", w.failed)
		}
		n, w.rest = len(p)-len(w.rest), nil
	}
	w.sent += int64(n)
	return n, err
}

// release writes what is held. The mutex is held.
func (w *Wire) release() error {
	if w.held == nil || len(*w.held) == 0 {
		return nil
	}
	_, err := w.pass(*w.held)
	*w.held = (*w.held)[:0]
	return err
}

// cork holds back what is written from now on: n bytes, and what TLS adds to them.
func (w *Wire) cork(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked, w.held = true, getHeld(n)
}

// uncork writes what has been held back.
func (w *Wire) uncork() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.release()
	putHeld(w.held)
	w.corked, w.held = false, nil
	return err
}

// taken returns how many bytes the system has taken.
func (w *Wire) taken() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

// CloseWrite ends the sending direction.
func (w *Wire) CloseWrite() error {
	if half, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return w.Conn.Close()
}

// NetConn returns the connection below.
func (w *Wire) NetConn() net.Conn { return w.Conn }
