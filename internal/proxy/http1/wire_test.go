//go:build unix

package http1

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// tcpPair returns a wire and the other end of its connection.
func tcpPair(t *testing.T) (*Wire, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	return NewWire(near), far.(*net.TCPConn)
}

// TestWireWaitsForRoom writes more than the system takes at once, in pieces that go past Go's scheduler and in one that does not.
func TestWireWaitsForRoom(t *testing.T) {
	t.Parallel()
	w, far := tcpPair(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	got := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(far)
		got <- all
	}()
	for rest, size := sent, 1; len(rest) > 0; size *= 3 {
		size = min(size, len(rest))
		if n, err := w.Write(rest[:size]); n != size || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, size, err)
		}
		rest = rest[size:]
	}
	if w.taken() != int64(len(sent)) {
		t.Errorf("%d bytes are said to be taken, of %d", w.taken(), len(sent))
	}
	_ = w.CloseWrite()
	if !bytes.Equal(<-got, sent) {
		t.Error("something else arrived")
	}
}

// TestWireFailsAsAConnection has reads and writes end as those of a net.Conn do.
func TestWireFailsAsAConnection(t *testing.T) {
	t.Parallel()
	past := time.Unix(1, 0)
	flood := func(w *Wire) (err error) {
		for err == nil {
			_, err = w.Write(make([]byte, 32<<10))
		}
		return err
	}
	for name, c := range map[string]struct {
		do   func(w *Wire, far *net.TCPConn) error
		want []error // any of them
	}{
		"read at the end": {func(w *Wire, far *net.TCPConn) error {
			_ = far.Close()
			_, err := w.Read(make([]byte, 1))
			return err
		}, []error{io.EOF}},
		"read after the deadline": {func(w *Wire, _ *net.TCPConn) error {
			_ = w.SetReadDeadline(past)
			_, err := w.Read(make([]byte, 1))
			return err
		}, []error{os.ErrDeadlineExceeded}},
		"read after close": {func(w *Wire, _ *net.TCPConn) error {
			_ = w.Close()
			_, err := w.Read(make([]byte, 1))
			return err
		}, []error{net.ErrClosed}},
		"read after a reset": {func(w *Wire, far *net.TCPConn) error {
			_ = far.SetLinger(0)
			_ = far.Close()
			_, err := w.Read(make([]byte, 1))
			return err
		}, []error{syscall.ECONNRESET}},
		"write to nobody": {func(w *Wire, far *net.TCPConn) error {
			_ = far.SetLinger(0)
			_ = far.Close()
			return flood(w)
		}, []error{syscall.EPIPE, syscall.ECONNRESET}},
		"write without room until the deadline": {func(w *Wire, _ *net.TCPConn) error {
			_ = w.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
			return flood(w)
		}, []error{os.ErrDeadlineExceeded}},
		"write after close": {func(w *Wire, _ *net.TCPConn) error {
			_ = w.Close()
			return flood(w)
		}, []error{net.ErrClosed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, far := tcpPair(t)
			err := c.do(w, far)
			for _, want := range c.want {
				if errors.Is(err, want) {
					if _, ok := errors.AsType[*net.OpError](err); !ok && want != io.EOF { //nolint:errorlint // the very value
						t.Errorf("%v does not name the connection", err)
					}
					return
				}
			}
			t.Errorf("got %v", err)
		})
	}
}
