package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
)

// listen serves raw connections one after the other.
func listen(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// closedPort is one that nobody listens at, and that no test is ever given.
const closedPort = "127.0.0.1:1"

func readRequest(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }

func dialing(dial func(context.Context, string, string) (net.Conn, error)) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}

// Whether the server may have read the request makes the difference between transient and ambiguous.
func TestNetworkFailures_2_1(t *testing.T) {
	t.Parallel()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	tests := []struct {
		name   string
		url    string
		http   *http.Client
		class  Class
		reason string
	}{
		{"refused", "http://" + closedPort, nil, ClassTransient, "connection refused"},
		{"unknown host", "https://as.test", dialing(func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "as.test", IsNotFound: true}}
		}), ClassTransient, "host not found"},
		{"name server fails", "https://as.test", dialing(func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving", Name: "as.test"}}
		}), ClassTransient, "host lookup failed"},
		{"name server hangs", "https://as.test", dialing(func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "timeout", Name: "as.test", IsTimeout: true}}
		}), ClassTransient, "connection timed out"},
		{"connecting hangs", "https://as.test", dialing(func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
		}), ClassTransient, "connection timed out"},
		{"no route", "https://as.test", dialing(func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("no route to host")}
		}), ClassTransient, "connection failed"},
		{"the answer hangs", "http://127.0.0.1", dialing(func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			return silent{near}, nil
		}), ClassAmbiguous, "connection timed out"},
		{"certificate", untrusted.URL, nil, ClassTransient, "TLS certificate not trusted"},
		{"TLS alert", "https://" + listen(t, func(c net.Conn) {
			readRequest(c)
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) // fatal handshake_failure
		}), nil, ClassTransient, "TLS handshake failed"},
		{"TLS cut off", "https://" + listen(t, readRequest), nil, ClassTransient, "connection closed"},
		{"closed without an answer", "http://" + listen(t, readRequest), nil, ClassAmbiguous, "connection closed"},
		{"reset without an answer", "http://" + listen(t, func(c net.Conn) {
			readRequest(c)
			_ = c.(*net.TCPConn).SetLinger(0)
		}), nil, ClassAmbiguous, "connection reset"},
		{"half a header", "http://" + listen(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		}), nil, ClassAmbiguous, "connection closed"},
		{"half a body", "http://" + listen(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"a\"}")
		}), nil, ClassAmbiguous, "connection closed"},
		{"half an error", "http://" + listen(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{\"error\":\"invalid_grant\"}")
		}), nil, ClassAmbiguous, "connection closed"},
		{"half of an outage", "http://" + listen(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 503 Sorry\r\nContent-Length: 100\r\n\r\nout of")
		}), nil, ClassTransient, "server error (HTTP 503)"},
		{"not HTTP", "http://" + listen(t, func(c net.Conn) {
			readRequest(c)
			_, _ = io.WriteString(c, "220 mail.test ESMTP\r\n")
		}), nil, ClassAmbiguous, "connection failed"},
		{
			"a transport that tells nothing", "https://as.test", &http.Client{Transport: failing{errors.New("x")}},
			ClassAmbiguous, "connection failed",
		},
		{
			"a transport that could not dial", "https://as.test",
			&http.Client{Transport: failing{&net.OpError{Op: "dial", Err: errors.New("x")}}}, ClassTransient,
			"connection failed",
		},
	}
	for _, tt := range tests {
		c := newClient(tt.url)
		c.HTTP = tt.http
		_, err := refresh(t, c)
		if e := asError(t, err); e.Class != tt.class || e.Reason != tt.reason {
			t.Errorf("%s: %s %q (%v), want %s %q", tt.name, e.Class, e.Reason, e.Err, tt.class, tt.reason)
		}
	}
}

// silent takes everything and times out.
type silent struct{ net.Conn }

func (silent) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestCancelledAfterSendingIsAmbiguous(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	release := make(chan struct{})
	u := serve(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := newClient(u.URL).Refresh(ctx, NewVerifier())
	if e := asError(t, err); e.Class != ClassAmbiguous || e.Reason != "cancelled" || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled after sending: %s %q", e.Class, e.Reason)
	}
}

func TestCancelledBeforeSendingIsTransient(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := newClient("https://as.test")
	c.HTTP = dialing(func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	_, err := c.Refresh(ctx, NewVerifier())
	if e := asError(t, err); e.Class != ClassTransient {
		t.Errorf("while dialing: %s %q", e.Class, e.Reason)
	}
	_, err = c.Refresh(ctx, NewVerifier())
	if e := asError(t, err); e.Class != ClassTransient {
		t.Errorf("before dialing: %s %q", e.Class, e.Reason)
	}
}

// net/http repeats requests that meet a pooled connection which the server has just closed. Ours have none to meet.
func TestOneRequestIsOneSend(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	addr := listen(t, func(c net.Conn) {
		readRequest(c)
		if requests.Add(1) == 1 { // promises to keep the connection, then closes it
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"access_token\":\"a\"}")
		}
	})
	c := newClient("http://" + addr)
	c.HTTP = &http.Client{Transport: &http.Transport{}}
	if _, err := refresh(t, c); err != nil {
		t.Fatal(err)
	}
	_, err := refresh(t, c)
	if e := asError(t, err); e.Class != ClassAmbiguous {
		t.Errorf("%s %q", e.Class, e.Reason)
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests arrived, want 2", n)
	}
}

func TestTLSAndHTTP2(t *testing.T) {
	t.Parallel()
	var protocol string
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol = r.Proto
		_, _ = io.WriteString(w, goodAnswer)
	}))
	ts.EnableHTTP2 = true
	ts.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	ts.StartTLS()
	t.Cleanup(ts.Close)
	c := newClient(ts.URL)
	c.HTTP = ts.Client()
	for range 2 {
		if _, err := refresh(t, c); err != nil || protocol != "HTTP/2.0" {
			t.Errorf("%s: %v", protocol, err)
		}
	}
}
