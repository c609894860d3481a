package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"authsome"
	"authsome/internal/mitm"
)

const (
	apiHost  = "api.example.test"
	password = "run-password"
)

// world is a proxy with real servers behind it that stand under names of their own.
type world struct {
	t        testing.TB
	cfg      Config
	servers  *mitm.CA
	source   *fakeSource
	recorder *fakeRecorder
	proxy    *Proxy
	address  string
}

// newWorld makes a world in which apiHost belongs to a connected provider. start starts it.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldFor(t)
}

func newWorldFor(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, servers: newCA(t), recorder: &fakeRecorder{}}
	ref := authsome.Ref{Provider: "example", Connection: "work"}
	w.source = &fakeSource{answer: func(authsome.CredentialOptions) (*authsome.Credential, error) {
		return credential(t, ref, "token-1", 1, apiHost), nil
	}}
	roots := x509.NewCertPool()
	roots.AddCert(w.servers.Certificate())
	w.cfg = Config{
		Routes:   []Route{{Ref: ref, Hosts: patterns(t, apiHost)}},
		Source:   w.source,
		CA:       newCA(t),
		User:     "authsome",
		Password: authsome.NewSecret(password),
		RootCAs:  roots,
		Resolve:  map[string]string{},
		Recorder: w.recorder,
	}
	return w
}

func newCA(t testing.TB) *mitm.CA {
	t.Helper()
	ca, err := mitm.NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func patterns(t testing.TB, list ...string) []authsome.HostPattern {
	t.Helper()
	var out []authsome.HostPattern
	for _, s := range list {
		p, err := authsome.ParseHostPattern(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func credential(t testing.TB, ref authsome.Ref, token string, generation uint64, hosts ...string) *authsome.Credential {
	t.Helper()
	return &authsome.Credential{
		Ref: ref, Value: authsome.NewSecret(token), Generation: generation,
		Inject: authsome.Injection{Prefix: "Bearer "}, Hosts: patterns(t, hosts...),
	}
}

// serve starts a TLS server under a name, speaking HTTP/2 and HTTP/1.1.
func (w *world) serve(host string, handler http.Handler) net.Listener {
	w.t.Helper()
	ln := listen(w.t)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	server := &http.Server{Handler: handler, Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(tls.NewListener(ln, w.servers.ServerConfig(host))) }()
	w.t.Cleanup(func() { _ = server.Close() })
	w.cfg.Resolve[net.JoinHostPort(host, "443")] = ln.Addr().String()
	return ln
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// start starts the proxy.
func (w *world) start() *world {
	w.t.Helper()
	p, err := New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ln := listen(w.t)
	served := make(chan error, 1)
	go func() { served <- p.Serve(ln) }()
	w.t.Cleanup(func() {
		_ = p.Close()
		if err := <-served; err != nil {
			w.t.Errorf("Serve returned %v after Close", err)
		}
	})
	w.proxy, w.address = p, ln.Addr().String()
	return w
}

// transport returns a client's side that goes through the proxy.
func (w *world) transport(http2 bool) *http.Transport {
	roots := x509.NewCertPool()
	roots.AddCert(w.cfg.CA.Certificate())
	roots.AddCert(w.servers.Certificate())
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	tr := &http.Transport{
		Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: w.address, User: url.UserPassword("authsome", password)}),
		TLSClientConfig:    &tls.Config{RootCAs: roots},
		Protocols:          protocols,
		DisableCompression: true,
	}
	w.t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// do sends a request that must be answered.
func do(t testing.TB, rt http.RoundTripper, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read the body: %v", req.Method, req.URL, err)
	}
	return resp, string(body)
}

func request(t testing.TB, method, target string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// refusalOf parses the body of a refusal.
func refusalOf(t testing.TB, resp *http.Response, body string) map[string]string {
	t.Helper()
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("a refusal (%d) has the content type %q: %s", resp.StatusCode, got, body)
	}
	var m map[string]string
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Errorf("a refusal is no JSON object: %v: %q", err, body)
	}
	return m
}

// raw opens a connection to the proxy.
func (w *world) raw() (net.Conn, *bufio.Reader) {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	return conn, bufio.NewReader(conn)
}

// inside opens a decrypted connection to a host and returns it ready for raw HTTP/1.1.
func (w *world) inside(host string) (*tls.Conn, *bufio.Reader) {
	w.t.Helper()
	conn, br := w.raw()
	req := request(w.t, http.MethodConnect, "https://"+host+":443", nil)
	req.URL.Opaque, req.Host = host+":443", host+":443"
	req.Header.Set("Proxy-Authorization", basic("authsome", password))
	if err := req.Write(conn); err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.ReadResponse(br, req)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("CONNECT %s: %v %v", host, resp, err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(w.cfg.CA.Certificate())
	secure := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: host})
	return secure, bufio.NewReader(secure)
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// fakeSource counts its calls.
type fakeSource struct {
	mu     sync.Mutex
	calls  []authsome.CredentialOptions
	answer func(authsome.CredentialOptions) (*authsome.Credential, error)
}

func (s *fakeSource) Credential(
	_ context.Context, _ authsome.Ref, opts authsome.CredentialOptions,
) (*authsome.Credential, error) {
	s.mu.Lock()
	s.calls = append(s.calls, opts)
	s.mu.Unlock()
	return s.answer(opts)
}

func (s *fakeSource) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

type fakeRecorder struct {
	mu     sync.Mutex
	events []authsome.Event
}

func (r *fakeRecorder) Record(e authsome.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	return nil
}

func (r *fakeRecorder) all() []authsome.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]authsome.Event(nil), r.events...)
}

// seen collects what reaches a server.
type seen struct {
	mu   sync.Mutex
	reqs []*http.Request
}

func (s *seen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	s.reqs = append(s.reqs, r)
	s.mu.Unlock()
	_, _ = io.WriteString(w, "ok")
}

func (s *seen) all() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.reqs...)
}

// forgetful takes events and forgets them.
type forgetful struct{}

func (forgetful) Record(authsome.Event) error { return nil }
