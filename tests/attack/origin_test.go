package attack_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"authsome/internal/mitm"
)

// origin is a server with a name of its own. It writes down all that reaches it.
type origin struct {
	host    string
	address string // on loopback

	mu       sync.Mutex
	requests []request
}

// request is what reached an origin.
type request struct {
	Method, URI, Host string
	Header, Trailer   http.Header
	Body              string
}

// String shows everything.
func (r request) String() string {
	return fmt.Sprintf("%s %s for %s\n%v\n%v\n%s", r.Method, r.URI, r.Host, r.Header, r.Trailer, r.Body)
}

// serve starts an origin that speaks HTTP/1.1 and HTTP/2 over TLS, or HTTP/1.1 without when ca is nil. handler answers;
// if nil, the answer is "ok".
func serve(t *testing.T, ca *mitm.CA, host string, handler http.HandlerFunc) *origin {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{host: host, address: ln.Addr().String()}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(ca != nil)
	server := &http.Server{
		Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o.note(r)
			if handler != nil {
				handler(w, r)
				return
			}
			_, _ = io.WriteString(w, "ok")
		}),
	}
	if ca != nil {
		ln = tls.NewListener(ln, ca.ServerConfig(host))
	}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return o
}

// note writes a request down, with its body unless that belongs to an upgrade.
func (o *origin) note(r *http.Request) {
	n := request{Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header.Clone()}
	if r.Header.Get("Upgrade") == "" && r.URL.Path != pathEndless {
		body, _ := io.ReadAll(r.Body)
		n.Body, n.Trailer = string(body), r.Trailer.Clone()
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests = append(o.requests, n)
}

// pathEndless is for requests that do not end by themselves.
const pathEndless = "/endless"

func (o *origin) seen() []request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.requests)
}

// untouched fails the test when anything has reached the origin.
func (o *origin) untouched(t *testing.T) {
	t.Helper()
	for _, r := range o.seen() {
		t.Fatalf("a request reached %s: %s", o.host, r)
	}
}

// ignorant fails the test when the secret has reached the origin.
func (o *origin) ignorant(t *testing.T, secret string) {
	t.Helper()
	for _, r := range o.seen() {
		if strings.Contains(r.String(), secret) {
			t.Fatalf("the secret reached %s: %s", o.host, r)
		}
	}
}

// got returns the one request that has reached the origin.
func (o *origin) got(t *testing.T) request {
	t.Helper()
	all := o.seen()
	if len(all) != 1 {
		t.Fatalf("%d requests reached %s, want 1: %v", len(all), o.host, all)
	}
	return all[0]
}
