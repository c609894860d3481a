package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/proxy"

	"authsome"
	"authsome/internal/policy"
)

// socksTransport is a client's side that speaks SOCKS5.
func (w *world) socksTransport(http2 bool) *http.Transport {
	tr := w.transport(http2)
	tr.Proxy = nil
	dialer, err := proxy.SOCKS5("tcp", w.address, &proxy.Auth{User: "authsome", Password: password}, proxy.Direct)
	if err != nil {
		w.t.Fatal(err)
	}
	tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.(proxy.ContextDialer).DialContext(ctx, network, address)
	}
	return tr
}

func TestSOCKSIsTreatedAsCONNECT(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		var api, other seen
		w.serve(apiHost, &api)
		w.serve("other.test", &other)
		w.start()
		tr := w.socksTransport(http2)
		for _, host := range []string{apiHost, "other.test"} {
			if resp, body := do(t, tr, request(t, "GET", "https://"+host+"/", nil)); resp.StatusCode != 200 || body != "ok" {
				t.Errorf("%s: got %d %s", host, resp.StatusCode, body)
			}
		}
		if got := api.all()[0].Header.Get("Authorization"); got != "Bearer token-1" {
			t.Errorf("the API saw %q", got)
		}
		if got := other.all()[0].Header.Get("Authorization"); got != "" {
			t.Errorf("the other server saw %q", got)
		}
	})
}

func TestAddressOfAKnownHostGetsNoCredential(t *testing.T) { // attack 3
	t.Parallel()
	w := newWorld(t)
	var api seen
	ln := w.serve(apiHost, &api)
	w.start()
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	tr := w.socksTransport(false)
	tr.TLSClientConfig.ServerName = apiHost
	if _, body := do(t, tr, request(t, "GET", "https://"+net.JoinHostPort(host, port)+"/", nil)); body != "ok" {
		t.Fatal(body)
	}
	if got := api.all()[0].Header.Get("Authorization"); got != "" || w.source.count() != 0 {
		t.Errorf("the server saw %q", got)
	}
}

// socksAsk logs in and asks; it returns all that the proxy says.
func (w *world) socksAsk(login, request string) string {
	w.t.Helper()
	conn, _ := w.raw()
	_, _ = io.WriteString(conn, "\x05\x01\x02"+login+request)
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func socksLogin(user, secret string) string {
	return fmt.Sprintf("\x01%c%s%c%s", len(user), user, len(secret), secret)
}

func askFor(host string, port int) string {
	return fmt.Sprintf("\x05\x01\x00\x03%c%s", len(host), host) + string([]byte{byte(port >> 8), byte(port)})
}

func TestSOCKSRefusals(t *testing.T) { // attacks 6, 7, 8 and 28
	t.Parallel()
	w := newWorld(t)
	closed := listen(t)
	_ = closed.Close()
	w.cfg.Resolve["gone.test:443"] = closed.Addr().String()
	w.start()
	_, own, _ := net.SplitHostPort(w.address)
	var ownPort int
	_, _ = fmt.Sscan(own, &ownPort)
	ok := socksLogin("authsome", password)
	loggedIn := "\x05\x02\x01\x00"
	for _, tc := range []struct {
		name, login, request string
		answer               string // up to the code of the reply
	}{
		{"wrong password", socksLogin("authsome", "wrong"), "", "\x05\x02\x01\x01"},
		{"no password", socksLogin("authsome", ""), "", "\x05\x02\x01\x01"},
		{"BIND", ok, "\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", loggedIn + "\x05\x07"},
		{"UDP ASSOCIATE", ok, "\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00", loggedIn + "\x05\x07"},
		{"unknown address type", ok, "\x05\x01\x00\x02\x7f\x00\x00\x01\x00\x50", loggedIn + "\x05\x08"},
		{"reserved byte", ok, "\x05\x01\x01\x01\x7f\x00\x00\x01\x00\x50", loggedIn + "\x05\x01"},
		{"port 0", ok, askFor("other.test", 0), loggedIn + "\x05\x01"},
		{"no name", ok, askFor("", 443), loggedIn + "\x05\x01"},
		{"name with a NUL", ok, askFor("a\x00b.test", 443), loggedIn + "\x05\x01"},
		{"decimal address", ok, askFor("2852039166", 80), loggedIn + "\x05\x01"},
		{"metadata", ok, "\x05\x01\x00\x01\xa9\xfe\xa9\xfe\x00\x50", loggedIn + "\x05\x02"},
		{"metadata as text", ok, askFor("169.254.169.254", 80), loggedIn + "\x05\x02"},
		{"metadata in IPv6", ok, "\x05\x01\x00\x04" + string(net.ParseIP("64:ff9b::a9fe:a9fe").To16()) + "\x00\x50", loggedIn + "\x05\x02"},
		{"itself", ok, "\x05\x01\x00\x01\x7f\x00\x00\x01" + string([]byte{byte(ownPort >> 8), byte(ownPort)}), loggedIn + "\x05\x02"},
		{"refused", ok, askFor("gone.test", 443), loggedIn + "\x05\x05"},
	} {
		if got := w.socksAsk(tc.login, tc.request); !strings.HasPrefix(got, tc.answer) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.answer)
		}
	}
	conn, _ := w.raw()
	_, _ = io.WriteString(conn, "\x05\x02\x00\x01")
	if got, _ := io.ReadAll(conn); string(got) != "\x05\xff" {
		t.Errorf("without a password among the methods: got %q", got)
	}
}

func TestSOCKSTargetsThatAreDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Policy = policy.New(policy.Config{NoUnmatched: "--unmatched"})
	w.start()
	got := w.socksAsk(socksLogin("authsome", password), askFor("other.test", 443))
	if !strings.HasPrefix(got, "\x05\x02\x01\x00\x05\x02") {
		t.Errorf("got %q", got)
	}
	if e := w.recorder.all(); len(e) != 1 || e[0].Name != authsome.EventDeny || e[0].Detail["host"] != "other.test:443" {
		t.Errorf("recorded %+v", e)
	}
}

// By SOCKS and by CONNECT, a client that speaks plain HTTP to a known host is told what it is told otherwise.
func TestCleartextToAKnownHostIsRefusedInATunnel(t *testing.T) { // attack 4
	t.Parallel()
	w := newWorld(t)
	w.start()
	connect := w.transport(false)
	connect.DialContext = func(context.Context, string, string) (net.Conn, error) {
		conn, _, resp := w.connectAs("authsome", password, apiHost+":80")
		if resp.StatusCode != http.StatusOK {
			return nil, errors.New(resp.Status)
		}
		return conn, nil
	}
	connect.Proxy = nil
	for name, tr := range map[string]*http.Transport{"SOCKS": w.socksTransport(false), "CONNECT": connect} {
		resp, body := do(t, tr, request(t, "GET", "http://"+apiHost+"/", nil))
		if got := refusalOf(t, resp, body); resp.StatusCode != http.StatusForbidden || got["reason"] != "cleartext" {
			t.Errorf("%s: got %d %s", name, resp.StatusCode, body)
		}
	}
	if w.source.count() != 0 {
		t.Error("the source was asked for a credential")
	}
}

func TestSOCKSTunnelPassesTheEndOfOneDirectionOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Resolve["echo.test:7"] = echoAtEnd(t).Addr().String()
	w.start()
	got := w.socksAsk(socksLogin("authsome", password), askFor("echo.test", 7)+"early, "+strings.Repeat("x", 100_000))
	want := "\x05\x02\x01\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00early, " + strings.Repeat("x", 100_000)
	if got != want {
		t.Errorf("%d bytes came back, want %d", len(got), len(want))
	}
}

// oneWay is a connection whose other side has said all that it says.
type oneWay struct {
	io.Reader
	bytes.Buffer
}

func (c *oneWay) Read(p []byte) (int, error)  { return c.Reader.Read(p) }
func (c *oneWay) Write(p []byte) (int, error) { return c.Buffer.Write(p) }

func FuzzSOCKS(f *testing.F) {
	ok := "\x05\x01\x02" + socksLogin("authsome", password)
	for _, request := range []string{
		"", askFor("api.example.test", 443), askFor("EXAMPLE.test.", 80), "\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50",
		"\x05\x01\x00\x04" + string(net.IPv6loopback) + "\x01\xbb", "\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", askFor("0x7f.1", 1),
	} {
		f.Add([]byte(ok+request), true)
	}
	f.Add([]byte("\x05\x00"), false)
	f.Fuzz(func(t *testing.T, input []byte, known bool) {
		input = append(input, "what follows"...)
		in := bytes.NewReader(input)
		conn := &oneWay{Reader: in}
		logins := 0
		target, err := readSOCKS(conn, func(string, authsome.Secret) bool {
			logins++
			return known
		})
		said := conn.String()
		if said != "" && said[0] != socksVersion {
			t.Errorf("the first byte of the answer is %#x", said[0])
		}
		if err != nil {
			if target != (authority{}) {
				t.Errorf("a target and an error: %v, %v", target, err)
			}
			return
		}
		if again, err := parseAuthority(target.String(), ""); err != nil || again != target {
			t.Errorf("%v is not canonical: %v, %v", target, again, err)
		}
		if !known || logins != 1 || said != "\x05\x02\x01\x00" {
			t.Errorf("a target after %d logins and the answer %q", logins, said)
		}
		if left, want := in.Len(), len(input)-socksLength(input); left != want {
			t.Errorf("%d bytes are left for the tunnel, want %d", left, want)
		}
	})
}

// socksLength is how long the messages of a client are that has got through.
func socksLength(b []byte) int {
	n := 2 + int(b[1])
	n += 2 + int(b[n+1])
	n += 1 + int(b[n])
	switch b[n+3] {
	case 1:
		return n + 4 + 4 + 2
	case 4:
		return n + 4 + 16 + 2
	}
	return n + 5 + int(b[n+4]) + 2
}
