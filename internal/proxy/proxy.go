package proxy

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"authsome"
	"authsome/internal/mitm"
	"authsome/internal/policy"
	"authsome/internal/proxy/http1"
)

const (
	maxHeaderBytes        = 1 << 20
	headerTimeout         = 30 * time.Second
	handshakeTimeout      = 15 * time.Second
	defaultMaxConnections = 10_000
)

// Route says which requests get the credential of which connection.
type Route struct {
	Ref      authsome.Ref
	Hosts    []authsome.HostPattern // where the credential goes
	Excluded []authsome.HostPattern // where it does not, although Hosts match
	// Only narrows Hosts to what one of these is about; empty: all of it.
	Only []policy.Target
}

// Config is what a [Proxy] needs. Source, CA and Password are required; the zero value of all else works.
type Config struct {
	// Routes are tried by length of their path prefix, the longest first. Of routes that match equally the first wins:
	// the caller decides which connection of a provider is meant.
	Routes []Route
	Source authsome.CredentialSource
	CA     *mitm.CA

	// User and Password are demanded of every client (Basic, RFC 7617, in Proxy-Authorization).
	User     string
	Password authsome.Secret
	// Recognize tells what a client that sends no Proxy-Authorization would log in with, for those that cannot send any.
	// It counts as if it had been sent. Nil recognizes nobody.
	Recognize func(client net.Conn) (user string, password authsome.Secret, ok bool)

	// Policy says which requests may go out at all; nil: the routes alone do.
	Policy *policy.Policy

	// RootCAs verify upstream servers; nil means the system's. Verification cannot be turned off.
	RootCAs *x509.CertPool
	// Resolve maps "host:port" to the "address:port" that is dialled instead. Such an address is the user's own word,
	// and exempt from the check of addresses.
	Resolve map[string]string
	// UpstreamProxy names the proxy through which an upstream is reached; nil means none, whatever the environment says.
	UpstreamProxy func(*http.Request) (*url.URL, error)

	// Recorder takes an event for every injection and refusal. It is called while the request waits, so it should
	// write behind. Nil means nobody is interested.
	Recorder authsome.Recorder
	Logger   *slog.Logger     // nil discards
	Now      func() time.Time // nil means time.Now
	// Changed tells that what Source hands out may have changed: remembered credentials are asked for again.
	Changed <-chan struct{}
	// MaxConnections bounds the clients' open connections; 10,000 if zero.
	MaxConnections int
}

// Proxy is the proxy of one run. It is safe for concurrent use.
type Proxy struct {
	cfg      Config
	routes   []route
	memory   *memory
	upstream *upstream
	http1    http1.Server
	http2    *http2Server

	ctx    context.Context //nolint:containedctx // the life of the proxy, ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // the goroutines of connections, watchers and credential calls

	mu        sync.Mutex // guards all below
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[net.Conn]struct{}
}

// New checks the configuration and returns a proxy that is ready to serve.
func New(cfg Config) (*Proxy, error) {
	if cfg.Source == nil || cfg.CA == nil || cfg.Password.IsZero() {
		return nil, errors.New("proxy: a source of credentials, a certificate authority and a password are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = defaultMaxConnections
	}
	p := &Proxy{
		cfg:       cfg,
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[net.Conn]struct{}),
		http1:     http1.Server{MaxHeaderBytes: maxHeaderBytes, HeaderTimeout: headerTimeout},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.memory = newMemory(p.ctx, &p.wg, cfg.Source, cfg.Now)
	p.routes = p.memory.routes(cfg.Routes)
	up, err := newUpstream(cfg, p.isOwnAddress)
	if err != nil {
		p.cancel()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p.upstream = up
	p.http2 = newHTTP2Server(p)
	if cfg.Changed != nil {
		p.wg.Go(func() { p.memory.watch(cfg.Changed) })
	}
	return p, nil
}

// Serve accepts connections until Close, when it returns nil, or until the listener fails.
func (p *Proxy) Serve(ln net.Listener) error {
	if !p.addListener(ln) {
		_ = ln.Close()
		return nil
	}
	for {
		conn, err := ln.Accept()
		switch {
		case p.ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept connections of the proxy: %w", err)
		case err != nil:
			p.cfg.Logger.Debug("proxy: accept", "error", err)
			p.pause()
		case !p.begin(conn):
			_ = conn.Close()
		}
	}
}

// pause waits a moment: running out of file descriptors passes.
func (p *Proxy) pause() {
	select {
	case <-p.ctx.Done():
	case <-time.After(10 * time.Millisecond):
	}
}

func (p *Proxy) addListener(ln net.Listener) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.listeners[ln] = struct{}{}
	return true
}

// begin starts to serve a connection unless there are too many.
func (p *Proxy) begin(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.conns) >= p.cfg.MaxConnections {
		return false
	}
	p.conns[conn] = struct{}{}
	p.wg.Go(func() {
		defer p.end(conn)
		p.http1.ServeConn(context.WithValue(p.ctx, clientKey{}, conn), conn, http.HandlerFunc(p.front))
	})
	return true
}

// end forgets a connection. By now its handler has returned, hijacked or not.
func (p *Proxy) end(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// Close ends every connection and tunnel at once and waits until nothing of the proxy runs any more.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.cancel()
	for ln := range p.listeners {
		_ = ln.Close()
	}
	for conn := range p.conns {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.http2.close()
	p.upstream.close()
	p.wg.Wait()
	p.upstream.close() // what was given back meanwhile
	return nil
}
