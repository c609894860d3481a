package proxy

import (
	"net"
	"net/http"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLoopbackIsNotPaced looks at the proxy's side of both of its connections.
func TestLoopbackIsNotPaced(t *testing.T) {
	w := newWorld(t)
	server := w.serve(apiHost, http.NotFoundHandler())
	usual, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer usual.Close()
	if congestionControl(t, usual) == "reno" {
		t.Skip("every connection on this system has the congestion control that is looked for")
	}
	w.start()

	up, err := w.proxy.upstream.DialContext(t.Context(), "tcp", net.JoinHostPort(apiHost, "443"))
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	if got := congestionControl(t, up); got != "reno" {
		t.Errorf("a connection to a server on this machine has the congestion control %q", got)
	}

	ln := &witness{listen(t).(*net.TCPListener), make(chan net.Conn, 1)}
	served := make(chan error, 1)
	go func() { served <- w.proxy.Serve(ln) }()
	var got string
	for range 2 { // the first may come before Serve has begun
		client, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		got = congestionControl(t, <-ln.accepted)
	}
	if got != "reno" {
		t.Errorf("a connection from a client has the congestion control %q", got)
	}
	_ = w.proxy.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// witness shows what a listener accepts.
type witness struct {
	*net.TCPListener
	accepted chan net.Conn
}

// Accept accepts a connection.
func (w *witness) Accept() (net.Conn, error) {
	conn, err := w.TCPListener.Accept()
	if err == nil {
		w.accepted <- conn
	}
	return conn, err
}

func congestionControl(t *testing.T, conn net.Conn) (name string) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	failed := raw.Control(func(fd uintptr) {
		name, err = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	})
	if failed != nil || err != nil {
		t.Fatal(failed, err)
	}
	return name
}
