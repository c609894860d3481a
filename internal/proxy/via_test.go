package proxy

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"authsome"
)

// corporate is a proxy of somebody else's, which resolves every name to one address.
type corporate struct {
	to    string            // the address
	names map[string]string // "host:port" to addresses of their own

	mu    sync.Mutex
	asked []string // method, target and login of each request
}

func (c *corporate) note(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, s)
}

func (c *corporate) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

func (c *corporate) address(target string) string {
	if to, ok := c.names[target]; ok {
		return to
	}
	return c.to
}

func (c *corporate) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	login := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	user, secret, _ := login.BasicAuth()
	c.note(fmt.Sprintf("%s %s %s:%s", r.Method, r.RequestURI, user, secret))
	if secret != "p@ss" {
		rw.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method != http.MethodConnect {
		_, _ = io.WriteString(rw, "from the proxy")
		return
	}
	server, err := net.Dial("tcp", c.address(r.RequestURI))
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	exchangeBytes(conn, server)
}

func exchangeBytes(a, b net.Conn) {
	defer a.Close()
	defer b.Close()
	go func() { _, _ = io.Copy(a, b); _ = a.Close() }()
	_, _ = io.Copy(b, a)
}

// serveSOCKS is the proxy as one of SOCKS5.
func (c *corporate) serveSOCKS(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			br := bufio.NewReader(conn)
			next := func(n int) []byte {
				b := make([]byte, n)
				_, _ = io.ReadFull(br, b)
				return b
			}
			next(int(next(2)[1]))
			_, _ = conn.Write([]byte{5, 2})
			user := next(int(next(2)[1]))
			secret := next(int(next(1)[0]))
			_, _ = conn.Write([]byte{1, 0})
			var name string
			switch kind := next(4)[3]; kind {
			case socksName:
				name = string(next(int(next(1)[0])))
			default:
				ip, _ := netip.AddrFromSlice(next(map[byte]int{socksIPv4: 4, socksIPv6: 16}[kind]))
				name = ip.String()
			}
			port := next(2)
			target := net.JoinHostPort(name, strconv.Itoa(int(port[0])<<8|int(port[1])))
			c.note(fmt.Sprintf("SOCKS %s %s:%s", target, user, secret))
			server, err := net.Dial("tcp", c.address(target))
			if err != nil {
				_, _ = conn.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
				_ = conn.Close()
				return
			}
			_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
			exchangeBytes(conn, server)
		}()
	}
}

// behind puts the world behind a proxy of the given scheme, which alone knows where its servers are.
func (w *world) behind(scheme string) *corporate {
	w.t.Helper()
	c := &corporate{names: w.cfg.Resolve}
	w.cfg.Resolve = map[string]string{}
	ln := listen(w.t)
	at := ln.Addr().String()
	switch scheme {
	case "socks5":
		w.t.Cleanup(func() { _ = ln.Close() })
		go c.serveSOCKS(ln)
	case "https":
		cfg := w.servers.ServerConfig("127.0.0.1").Clone()
		cfg.NextProtos = nil
		ln = tls.NewListener(ln, cfg)
		fallthrough
	default:
		server := &http.Server{Handler: c}
		go func() { _ = server.Serve(ln) }()
		w.t.Cleanup(func() { _ = server.Close() })
	}
	via := &url.URL{Scheme: scheme, Host: at, User: url.UserPassword("me", "p@ss")}
	w.cfg.UpstreamProxy = http.ProxyURL(via)
	return c
}

func TestUpstreamProxiesOfEveryKind(t *testing.T) {
	for _, scheme := range []string{"http", "https", "socks5"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var api, other seen
			w.serve(apiHost, &api)
			w.serve("other.test", &other)
			c := w.behind(scheme)
			w.start()
			for _, http2 := range []bool{false, true} {
				tr := w.transport(http2)
				for _, host := range []string{apiHost, "other.test"} {
					if resp, body := do(t, tr, request(t, "GET", "https://"+host+"/", nil)); resp.StatusCode != 200 || body != "ok" {
						t.Errorf("%s: got %d %s", host, resp.StatusCode, body)
					}
				}
			}
			if got := api.all()[0].Header.Get("Authorization"); got != "Bearer token-1" {
				t.Errorf("the API saw %q", got)
			}
			word := map[string]string{"socks5": "SOCKS"}[scheme]
			if word == "" {
				word = "CONNECT"
			}
			for _, host := range []string{apiHost, "other.test"} {
				if want := word + " " + host + ":443 me:p@ss"; !slices.Contains(c.all(), want) {
					t.Errorf("the proxy was asked for %q, want %q", c.all(), want)
				}
			}
		})
	}
}

func TestPlainRequestsGoToTheUpstreamProxyInAbsoluteForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.behind("http")
	w.start()
	if _, body := do(t, w.transport(false), request(t, "GET", "http://plain.test/x", nil)); body != "from the proxy" {
		t.Errorf("got %q", body)
	}
	if got := c.all(); len(got) != 1 || got[0] != "GET http://plain.test/x me:p@ss" {
		t.Errorf("the proxy was asked for %q", got)
	}
}

// A proxy lies where the person has put it, on this machine too, which the clients of a sandbox must not reach themselves.
func TestPlainRequestsOfASandboxReachTheUpstreamProxy(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.cfg.Contained, w.cfg.TrustUpstreamProxy = true, true
			c := w.behind(scheme)
			w.start()
			tr := w.transport(false)
			if resp, body := do(t, tr, request(t, "GET", "http://plain.test/x", nil)); body != "from the proxy" {
				t.Errorf("got %s %q", resp.Status, body)
			}
			via, _ := w.cfg.UpstreamProxy(nil)
			w.cfg.UpstreamProxy = nil
			w.start()
			resp, body := do(t, w.transport(false), request(t, "GET", "http://"+via.Host+"/", nil))
			if got := refusalOf(t, resp, body); got["reason"] != "forbidden_address" {
				t.Errorf("got %s %q", resp.Status, body)
			}
			if got := c.all(); len(got) != 1 {
				t.Errorf("the proxy was asked for %q", got)
			}
		})
	}
}

func TestUpstreamProxyIsNotAskedForForbiddenAddresses(t *testing.T) { // attacks 6 and 7
	t.Parallel()
	w := newWorld(t)
	hosts := []string{apiHost, "169.254.169.253", "metadata.google.internal"}
	w.cfg.Routes[0].Hosts = patterns(t, hosts...)
	w.source.answer = func(authsome.CredentialOptions) (*authsome.Credential, error) {
		return credential(t, w.cfg.Routes[0].Ref, "token-1", 1, hosts...), nil
	}
	c := w.behind("http")
	w.start()
	for _, target := range []string{
		"169.254.169.254:80", "[64:ff9b::a9fe:a9fe]:80", "metadata.google.internal:80", "metadata.google.internal:8080",
	} {
		_, _, resp := w.connectAs("authsome", password, target)
		if target == "metadata.google.internal:80" && resp.StatusCode == http.StatusOK {
			continue // a known host, whose requests in cleartext are refused one by one
		}
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: got %s", target, resp.Status)
		}
	}
	for _, host := range []string{"169.254.169.253", "metadata.google.internal"} {
		resp, body := do(t, w.transport(false), request(t, "GET", "https://"+host+"/", nil))
		if got := refusalOf(t, resp, body); got["reason"] != "forbidden_address" {
			t.Errorf("%s: got %d %s", host, resp.StatusCode, body)
		}
		resp, body = do(t, w.transport(false), request(t, "GET", "http://metadata.goog/", nil))
		if got := refusalOf(t, resp, body); got["reason"] != "forbidden_address" {
			t.Errorf("%s: got %d %s", host, resp.StatusCode, body)
		}
	}
	if got := c.all(); len(got) != 0 {
		t.Errorf("the proxy was asked for %q", got)
	}
}

func TestFailuresOfTheUpstreamProxyAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.behind("http")
	via, _ := w.cfg.UpstreamProxy(nil)
	address := via.Host
	via.User = url.UserPassword("me", "wrong-secret")
	w.start()
	for _, target := range []string{"other.test", apiHost} {
		conn, br := w.raw()
		var body string
		if target == apiHost {
			_, body = do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
		} else {
			_, _ = fmt.Fprintf(conn, "CONNECT %[1]s:443 HTTP/1.1\r\nHost: %[1]s:443\r\nProxy-Authorization: %[2]s\r\n\r\n",
				target, basic("authsome", password))
			resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodGet})
			if err != nil {
				t.Fatal(err)
			}
			all, _ := io.ReadAll(resp.Body)
			body = string(all)
		}
		if strings.Contains(body, "wrong-secret") {
			t.Errorf("the answer shows the password: %s", body)
		}
		if target != apiHost && (!strings.Contains(body, address) || !strings.Contains(body, "407")) {
			t.Errorf("got %s", body)
		}
	}
}

func TestUnknownSchemesOfUpstreamProxiesAreRefused(t *testing.T) {
	t.Parallel()
	d, err := newDialer(Config{UpstreamProxy: http.ProxyURL(&url.URL{Scheme: "ftp", Host: "127.0.0.1:1"})}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.dialTunnel(t.Context(), authority{"other.test", "443"}, false)
	if _, ok := errors.AsType[*proxyError](err); !ok || !strings.Contains(err.Error(), "ftp") {
		t.Errorf("got %v", err)
	}
}

func TestUpstreamProxyIsNotThisOne(t *testing.T) { // attack 8
	t.Parallel()
	w := newWorld(t)
	var via *url.URL
	w.cfg.UpstreamProxy = func(*http.Request) (*url.URL, error) { return via, nil }
	w.start()
	via = &url.URL{Scheme: "http", Host: w.address, User: url.UserPassword("authsome", password)}
	if _, _, resp := w.connectAs("authsome", password, "other.test:443"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("got %s", resp.Status)
	}
}
