package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when anything of a proxy still runs after the tests have closed it.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func TestUnmatchedHostsAreTunnelledByteForByte(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		var other seen
		w.serve("other.test", &other)
		w.start()
		req := request(t, "GET", "https://other.test/", nil)
		req.Header.Set("Authorization", "Bearer mine")
		resp, body := do(t, w.transport(http2), req)
		if body != "ok" || resp.TLS.PeerCertificates[0].CheckSignatureFrom(w.servers.Certificate()) != nil {
			t.Errorf("got %q from another server than the real one", body)
		}
		if got := other.all()[0].Header.Get("Authorization"); got != "Bearer mine" || w.source.count() != 0 {
			t.Errorf("the server saw %q", got)
		}
	})
}

// echoAtEnd accepts one connection, reads it to its end and then sends everything back.
func echoAtEnd(t *testing.T) net.Listener {
	ln := listen(t)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn)
		_, _ = conn.Write(all)
	}()
	return ln
}

func TestTunnelPassesTheEndOfOneDirectionOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Resolve["echo.test:7"] = echoAtEnd(t).Addr().String()
	w.start()
	conn, br := w.raw()
	// What the client sends before it has the answer belongs to the tunnel.
	_, _ = fmt.Fprintf(conn, "CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\nProxy-Authorization: %s\r\n\r\nearly,",
		basic("authsome", password))
	resp, err := http.ReadResponse(br, &http.Request{Method: "CONNECT"})
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	late := bytes.Repeat([]byte("x"), 1<<20)
	_, _ = conn.Write(late)
	_ = conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(br); err != nil || string(got) != "early,"+string(late) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

// tcpPair returns the two ends of a connection.
func tcpPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	ln := listen(t)
	defer ln.Close()
	dialled, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

// The two directions share what is known of each connection, and must not get into each other's way.
func TestTunnelCarriesBothDirectionsAtOnce(t *testing.T) {
	t.Parallel()
	client, a := tcpPair(t)
	server, b := tcpPair(t)
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		join(t.Context(), a, b)
	}()
	var wg sync.WaitGroup
	for i, ends := range [][2]*net.TCPConn{{client, server}, {server, client}} {
		sent := bytes.Repeat(fmt.Appendf(nil, "direction %d;", i), 1<<19) // some megabytes, and little pieces before
		wg.Go(func() {
			for at := 0; at < 1<<12; at += 64 {
				_, _ = ends[0].Write(sent[at : at+64])
			}
			_, _ = ends[0].Write(sent[1<<12:])
			_ = ends[0].CloseWrite()
		})
		wg.Go(func() {
			if got, err := io.ReadAll(ends[1]); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("direction %d: %d of %d bytes arrived as they were sent, %v", i, len(got), len(sent), err)
			}
		})
	}
	wg.Wait()
	<-joined
	_ = client.Close()
	_ = server.Close()
}

// What a system says is not what package syscall calls it: on Windows it has a number of its own.
func TestRefusedConnectionsAreKnownOnEverySystem(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}:   "connection refused",
		&net.OpError{Op: "dial", Err: os.NewSyscallError("connectex", syscall.Errno(10061))}: "connection refused",
		&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.Errno(9999))}:    "connection failed",
	} {
		if got := classify(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestUnreachableTunnelTargetIsA502(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	closed := listen(t)
	_ = closed.Close()
	w.cfg.Resolve["gone.test:443"] = closed.Addr().String()
	w.start()
	conn, br := w.raw()
	_, _ = fmt.Fprintf(conn, "CONNECT gone.test:443 HTTP/1.1\r\nHost: gone.test:443\r\nProxy-Authorization: %s\r\n\r\n",
		basic("authsome", password))
	resp, err := http.ReadResponse(br, &http.Request{Method: "GET"})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if got := refusalOf(t, resp, string(body)); resp.StatusCode != 502 || got["reason"] != "connection refused" {
		t.Errorf("got %s %s", resp.Status, body)
	}
}

func TestEverythingGoesThroughTheUpstreamProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, &seen{})
	w.serve("other.test", &seen{})
	// The second proxy is another one of ours, which tunnels.
	second := newWorld(t)
	second.cfg.Routes = nil
	second.cfg.Resolve = w.cfg.Resolve
	second.start()
	w.cfg.Resolve = nil
	via := &url.URL{Scheme: "http", Host: second.address, User: url.UserPassword("authsome", password)}
	w.cfg.UpstreamProxy = http.ProxyURL(via)
	w.start()
	tr := w.transport(false)
	for _, host := range []string{apiHost, "other.test"} {
		if resp, body := do(t, tr, request(t, "GET", "https://"+host+"/", nil)); resp.StatusCode != 200 || body != "ok" {
			t.Errorf("%s: got %d %s", host, resp.StatusCode, body)
		}
	}
}

func TestCloseEndsTunnelsStreamsAndUpgrades(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		}))
		w.cfg.Resolve["echo.test:7"] = echoAtEnd(t).Addr().String()
		w.start()
		conn, br := w.raw()
		_, _ = fmt.Fprintf(conn, "CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\nProxy-Authorization: %s\r\n\r\n",
			basic("authsome", password))
		if resp, err := http.ReadResponse(br, &http.Request{Method: "CONNECT"}); err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		resp, err := w.transport(http2).RoundTrip(request(t, "GET", "https://"+apiHost+"/", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := w.proxy.Close(); err != nil { // returns when nothing runs any more
			t.Error(err)
		}
		if _, err := br.ReadByte(); err == nil {
			t.Error("the tunnel is open")
		}
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("the stream ended as if it were complete")
		}
		if _, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", w.address); err == nil {
			t.Error("the proxy still listens")
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) { // attack 40
	t.Parallel()
	w := newWorld(t)
	w.cfg.MaxConnections = 1
	w.serve(apiHost, &seen{})
	w.start()
	first, _ := w.inside(apiHost)
	if err := first.Handshake(); err != nil {
		t.Fatal(err)
	}
	_, br := w.raw()
	if _, err := br.ReadByte(); err == nil {
		t.Error("a second connection was served")
	}
}

func TestHeadersAreBounded(t *testing.T) { // attack 40
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.start()
	head := "GET / HTTP/1.1\r\nHost: " + apiHost + "\r\nX: " + strings.Repeat("x", 100_000) + "\r\n\r\n"
	if got := w.exchangeRaw(head); got != 200 || len(api.all()[0].Header.Get("X")) != 100_000 {
		t.Errorf("a header of 100 kB: got %d", got)
	}
	conn, _ := w.inside(apiHost)
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+apiHost+"\r\n")
	for err == nil {
		_, err = io.WriteString(conn, "X: "+strings.Repeat("x", 60_000)+"\r\n")
	}
	if len(api.all()) != 1 {
		t.Error("a header without end was forwarded")
	}
}

func TestConfigurationWithoutItsPartsIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Error("New accepts an empty configuration")
	}
	w := newWorld(t)
	w.cfg.Resolve["no port"] = "127.0.0.1:1"
	if _, err := New(w.cfg); err == nil {
		t.Error("New accepts a malformed Resolve")
	}
}
