package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// serveOnly starts a server that speaks one version of HTTP. An old one does not know of ALPN (RFC 7301), a lax one takes
// a client that offers what it does not speak, as Go's does.
func (w *world) serveOnly(host string, http2, strict bool, handler http.Handler) {
	w.t.Helper()
	ln := listen(w.t)
	server := &http.Server{Handler: handler, Protocols: protocols(!http2), ErrorLog: log.New(io.Discard, "", 0)}
	cfg := w.servers.ServerConfig(host).Clone()
	cfg.NextProtos = nil
	if http2 {
		cfg.NextProtos = []string{"h2"}
	}
	if strict {
		check := cfg.GetConfigForClient
		cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if strings.Join(hello.SupportedProtos, ",") == "http/1.1" {
				return &tls.Config{NextProtos: []string{"strict"}, Certificates: mustLeaf(w, host)}, nil
			}
			return check(hello)
		}
	}
	go func() { _ = server.Serve(tls.NewListener(ln, cfg)) }()
	w.t.Cleanup(func() { _ = server.Close() })
	w.cfg.Resolve[host+":443"] = ln.Addr().String()
}

func mustLeaf(w *world, host string) []tls.Certificate {
	leaf, err := w.servers.Leaf(host)
	if err != nil {
		w.t.Fatal(err)
	}
	return []tls.Certificate{*leaf}
}

func TestBothSidesSpeakWhatTheySpeak(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		for name, tc := range map[string]struct{ http2, strict bool }{
			"HTTP/2 only": {true, false}, "HTTP/2 only, strictly": {true, true}, "HTTP/1.1 without ALPN": {false, false},
		} {
			w := newWorld(t)
			var api seen
			w.serveOnly(apiHost, tc.http2, tc.strict, &api)
			w.start()
			tr := w.transport(http2)
			for range 3 {
				resp, body := do(t, tr, request(t, "POST", "https://"+apiHost+"/", strings.NewReader("body")))
				if resp.StatusCode != 200 || body != "ok" {
					t.Fatalf("%s: got %d %s", name, resp.StatusCode, body)
				}
			}
			want := map[bool]int{true: 2, false: 1}[tc.http2]
			for _, r := range api.all() {
				if r.ProtoMajor != want || r.Header.Get("Authorization") != "Bearer token-1" {
					t.Errorf("%s: the API saw %s with %q", name, r.Proto, r.Header.Get("Authorization"))
				}
			}
		}
	})
}

func TestFirstRequestsAtOnceFindOutOnce(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		for _, upstream2 := range []bool{false, true} {
			w := newWorld(t)
			var mu sync.Mutex
			addresses := map[string]bool{}
			w.serveOnly(apiHost, upstream2, false, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				addresses[r.RemoteAddr] = true
				_, _ = io.WriteString(rw, r.URL.Path)
			}))
			w.start()
			tr := w.transport(http2)
			var wg sync.WaitGroup
			for n := range 16 {
				wg.Go(func() {
					path := fmt.Sprintf("/%d", n)
					if _, body := do(t, tr, request(t, "GET", "https://"+apiHost+path, nil)); body != path {
						t.Errorf("%s: got %q", path, body)
					}
				})
			}
			wg.Wait()
			if upstream2 && http2 && len(addresses) != 1 {
				t.Errorf("%d connections of HTTP/2, want 1", len(addresses))
			}
		}
	})
}

func TestWhatServersSpeakIsRememberedWithinBounds(t *testing.T) {
	t.Parallel()
	var s spoken
	for n := range 3 * maxVersions {
		s.set(fmt.Sprint(n), onlyHTTP1)
	}
	if len(s.known) > maxVersions || s.get(fmt.Sprint(3*maxVersions-1)) != onlyHTTP1 {
		t.Errorf("%d are remembered", len(s.known))
	}
}

func TestServerThatHasChangedItsVersionIsFoundOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveOnly(apiHost, false, false, &seen{})
	w.start()
	w.proxy.upstream.known.set(apiHost, withHTTP2)
	_, err := w.proxy.upstream.connect2(t.Context(), "tcp", apiHost+":443")
	if !errors.Is(err, errOnlyHTTP1) || w.proxy.upstream.known.get(apiHost) != onlyHTTP1 {
		t.Errorf("got %v, remembered %d", err, w.proxy.upstream.known.get(apiHost))
	}
}

// A server that agrees on HTTP/2 alone may speak HTTP/1.1 to who does not agree on anything, as those of net/http do.
func TestUpgradeIsAskedForInHTTP1(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ln := listen(t)
	cfg := w.servers.ServerConfig(apiHost).Clone()
	cfg.NextProtos = []string{"h2"}
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	server := &http.Server{ //nolint:gosec // a test
		Protocols: both, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(rw, r, nil)
			if err != nil {
				return
			}
			defer c.CloseNow()
			_, _, _ = c.Read(r.Context())
		}),
	}
	go func() { _ = server.Serve(tls.NewListener(ln, cfg)) }()
	t.Cleanup(func() { _ = server.Close() })
	w.cfg.Resolve[apiHost+":443"] = ln.Addr().String()
	w.start()
	tr := w.transport(false)
	do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil)) // now it is known as one of HTTP/2
	c, _, err := websocket.Dial(t.Context(), "wss://"+apiHost+"/", &websocket.DialOptions{HTTPClient: &http.Client{Transport: tr}})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.CloseNow()
}

// Attack 40: an agent that asks for one host after the other and does not wait leaves a connection to each.
func TestConnectionThatNobodyComesForIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ready readyConns
		wanted, _ := net.Pipe()
		left, peer := net.Pipe()
		ready.put("wanted.test", wanted)
		ready.put("left.test", left)
		if ready.take("wanted.test") != wanted {
			t.Fatal("the connection is gone at once")
		}
		closed := make(chan error, 1)
		go func() {
			_, err := peer.Read(make([]byte, 1))
			closed <- err
		}()
		if err := <-closed; err == nil { // time passes while everybody waits
			t.Error("something was sent")
		}
		if ready.take("left.test") != nil {
			t.Error("a closed connection is handed out")
		}
		if err := wanted.SetDeadline(time.Time{}); err != nil {
			t.Errorf("the connection that was wanted: %v", err)
		}
	})
}
