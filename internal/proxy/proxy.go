package proxy

import (
	"cmp"
	"container/list"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"authsome"
	"authsome/internal/mitm"
	"authsome/internal/policy"
	"authsome/internal/proxy/http1"
	"authsome/internal/redact"
)

const (
	maxHeaderBytes        = 1 << 20
	headerTimeout         = 30 * time.Second
	refusedBodyTime       = 10 * time.Second // for the rest of a body that nobody wants any more
	handshakeTimeout      = 15 * time.Second
	defaultMaxConnections = 16_384
)

// Route says which requests get the credential of which connection.
type Route struct {
	Ref      authsome.Ref
	Hosts    []authsome.HostPattern // where the credential goes
	Excluded []authsome.HostPattern // where it does not, although Hosts match
	// Only narrows Hosts to what one of these is about; empty: all of it.
	Only []policy.Target
	// Guard says what may come back in answers to requests with the credential.
	Guard authsome.Guard
}

// Config is what a [Proxy] needs. Source and CA are required; the zero value of all else works.
type Config struct {
	// Routes are tried by length of their path prefix, the longest first. Of routes that match equally the first wins:
	// the caller decides which connection of a provider is meant.
	Routes []Route
	Source authsome.CredentialSource
	CA     *mitm.CA

	// User and Password are those of the one client there is, which no event names. Without a password there is nobody
	// until [Proxy.Admit]. A client logs in with Basic (RFC 7617) in Proxy-Authorization, or in SOCKS (RFC 1929).
	User     string
	Password authsome.Secret
	// Recognize tells what a client that sends no Proxy-Authorization would log in with, for those that cannot send any.
	// It counts as if it had been sent. Nil recognizes nobody.
	Recognize func(client net.Conn) (user string, password authsome.Secret, ok bool)

	// Policy says which requests may go out at all; nil: the routes alone do.
	Policy *policy.Policy
	// NewCredentials are requests whose answer is a new credential. They are refused where the route's Guard does not let
	// such answers through.
	NewCredentials []policy.Rule

	// RootCAs verify upstream servers; nil means the system's. Verification cannot be turned off.
	RootCAs *x509.CertPool
	// Resolve maps "host:port" to the "address:port" that is dialled instead. Such an address is the user's own word,
	// and exempt from the check of addresses.
	Resolve map[string]string
	// Contained says that the clients cannot reach this machine's own services themselves, and must not through the proxy.
	Contained bool
	// TrustUpstreamProxy says that an UpstreamProxy on this machine keeps clients from this machine's services by itself, so
	// that with Contained, too, it may be handed names to resolve.
	TrustUpstreamProxy bool
	// UpstreamProxy names the proxy through which an upstream is reached; nil means none, whatever the environment says.
	UpstreamProxy func(*http.Request) (*url.URL, error)

	// Recorder takes an event for every injection and refusal. It is called while the request waits, so it should
	// write behind. Nil means nobody is interested.
	Recorder authsome.Recorder
	Logger   *slog.Logger     // nil discards
	Now      func() time.Time // nil means time.Now
	// Changed tells that what Source hands out may have changed: for remembered credentials, what is stored is asked for,
	// and what is open with one whose connection is gone is cut off.
	Changed <-chan struct{}
	// OwnProcess says that the proxy is what the process is for: it gives back what starting took and, from the first
	// connection on, collects garbage less often.
	OwnProcess bool
	// MaxConnections bounds the clients' open connections; 16,384 if zero.
	MaxConnections int
	// MaxPerAgent bounds those of one agent; MaxConnections if zero.
	MaxPerAgent int

	messageBudget   int64 // the constant of that name if zero
	maxAgentStreams int64 // likewise
}

// Proxy is the proxy of one run, or of agents that come and go. It is safe for concurrent use.
type Proxy struct {
	cfg    Config
	rules  atomic.Pointer[ruleset]
	memory *memory
	// placeholder is what bodies are searched for.
	placeholder *redact.Set
	messages    *redact.Budget
	upstream    *upstream
	entrance    http1.Server // of what is asked of the proxy itself
	http1       http1.Server
	http2       *http2Server

	ctx    context.Context //nolint:containedctx // the life of the proxy, ended by Close
	cancel context.CancelFunc
	agents agents
	wg     sync.WaitGroup // the goroutines of connections, watchers and credential calls

	mu        sync.Mutex // guards all below
	closed    bool
	listeners map[net.Listener]struct{}
	clients   map[*client]struct{}
	strangers list.List // of *client, those that have not logged in yet, the oldest first
}

// New checks the configuration and returns a proxy that is ready to serve.
func New(cfg Config) (*Proxy, error) {
	if cfg.Source == nil || cfg.CA == nil {
		return nil, errors.New("proxy: a source of credentials and a certificate authority are required")
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
	if cfg.MaxPerAgent == 0 {
		cfg.MaxPerAgent = cfg.MaxConnections
	}
	p := &Proxy{
		cfg:       cfg,
		listeners: make(map[net.Listener]struct{}),
		clients:   make(map[*client]struct{}),
	}
	p.entrance = http1.Server{MaxHeaderBytes: entranceHeader, HeaderTimeout: entranceTimeout, Panicked: p.panicked}
	p.http1 = http1.Server{
		MaxHeaderBytes: maxHeaderBytes, HeaderTimeout: headerTimeout, Patience: refusedBodyTime, Panicked: p.panicked,
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.placeholder = redact.New([]string{authsome.Placeholder})
	p.messages = redact.NewBudget(cmp.Or(cfg.messageBudget, messageBudget))
	p.memory = newMemory(p.ctx, &p.wg, cfg.Source, cfg.Now)
	p.rules.Store(p.ruleset(cfg.Routes, cfg.Policy, cfg.NewCredentials))
	up, err := newUpstream(cfg, p.isOwnAddress)
	if err != nil {
		p.cancel()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p.upstream = up
	p.http2 = newHTTP2Server(p)
	if !cfg.Password.IsZero() {
		p.admit(&agent{
			Agent: Agent{Name: cfg.User, Password: DigestOf(cfg.Password)}, quiet: true, clients: make(map[*client]struct{}),
		})
	}
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
	if p.cfg.OwnProcess {
		defer giveBack()()
	}
	acceptUnpaced(ln)
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

// panicked puts a fault of ours on record. Only the connection that has found it ends: the proxy may have others to serve.
func (p *Proxy) panicked(value any) {
	what := fmt.Sprintf("%T", value) // its text could be anything's
	if fault, ok := value.(runtime.Error); ok {
		what = fault.Error()
	}
	p.cfg.Logger.Error("proxy: panic", "value", what, "stack", string(debug.Stack()))
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

// Close ends every connection and tunnel at once and waits until nothing of the proxy runs any more.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.cancel()
	for ln := range p.listeners {
		_ = ln.Close()
	}
	for c := range p.clients {
		c.hangUp()
	}
	p.mu.Unlock()
	p.agents.stop()
	p.http2.close()
	p.upstream.close()
	p.wg.Wait()
	p.http2.wait()
	p.upstream.close() // what was given back meanwhile
	return nil
}
