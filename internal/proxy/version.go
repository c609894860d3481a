package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// version says which versions of HTTP a server speaks.
type version int

const (
	unknown   version = iota
	onlyHTTP1         // or nothing that is said
	onlyHTTP2
	withHTTP2 // HTTP/2, and perhaps HTTP/1.1
)

var (
	errOnlyHTTP1 = errors.New("the server has ceased to speak HTTP/2")
	errOnlyHTTP2 = errors.New("the server speaks HTTP/2 only")
)

// noApplicationProtocol is the alert of a server that speaks none of the protocols offered, RFC 7301 section 3.2.
const noApplicationProtocol = tls.AlertError(120)

// refusedProtocol reports whether a handshake failed with that alert. Over TCP crypto/tls gives it a type of its own,
// which only its text tells.
func refusedProtocol(err error) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	return ok && remote.Op == "remote error" && remote.Err.Error() == noApplicationProtocol.Error()
}

// maxVersions bounds what is remembered of servers.
const maxVersions = 4096

// spoken remembers what servers speak. Its zero value is empty.
type spoken struct {
	mu      sync.RWMutex // guards all below
	known   map[string]version
	flights map[string]*discovery
}

// discovery is an attempt to find out that any number of requests wait for.
type discovery struct {
	done    chan struct{}
	version version // set when done is closed, like err
	err     error
}

func (v *spoken) get(host string) version {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.known[host]
}

func (v *spoken) set(host string, to version) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known == nil || len(v.known) >= maxVersions {
		v.known = make(map[string]version)
	}
	v.known[host] = to
}

// join returns the discovery that is under way, or starts one.
func (v *spoken) join(host string) (d *discovery, mine bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if d = v.flights[host]; d != nil {
		return d, false
	}
	if v.flights == nil {
		v.flights = make(map[string]*discovery)
	}
	d = &discovery{done: make(chan struct{})}
	v.flights[host] = d
	return d, true
}

func (v *spoken) land(host string, d *discovery) {
	v.mu.Lock()
	delete(v.flights, host)
	v.mu.Unlock()
	close(d.done)
}

// discover finds out what a server speaks by connecting to it. The connection is not wasted.
func (u *upstream) discover(ctx context.Context, host string) (version, error) {
	for {
		d, mine := u.known.join(host)
		if mine {
			d.version, d.err = u.ask(ctx, host)
			u.known.land(host, d)
			return d.version, d.err
		}
		select {
		case <-d.done:
		case <-ctx.Done():
			return unknown, ctx.Err()
		}
		if !errors.Is(d.err, context.Canceled) { // somebody else's client has gone, not ours
			return d.version, d.err
		}
	}
}

func (u *upstream) ask(ctx context.Context, host string) (version, error) {
	conn, err := u.connectTLS(ctx, host, "h2", "http/1.1")
	if err != nil {
		return unknown, err
	}
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		u.known.set(host, onlyHTTP1)
		u.http1.Keep(conn, host)
		return onlyHTTP1, nil
	}
	u.known.set(host, withHTTP2)
	u.ready.put(host, conn)
	return withHTTP2, nil
}

// readyFor is how long a connection waits for the transport: a request whose client has gone does not come for it.
const readyFor = 10 * time.Second

// readyConns are connections of HTTP/2 on their way to the transport, at most one of each server.
type readyConns struct {
	mu    sync.Mutex // guards conns
	conns map[string]net.Conn
}

func (r *readyConns) put(host string, conn net.Conn) {
	r.mu.Lock()
	old := r.conns[host]
	if r.conns == nil {
		r.conns = make(map[string]net.Conn)
	}
	r.conns[host] = conn
	r.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	time.AfterFunc(readyFor, func() { r.drop(host, conn) })
}

// drop closes a connection that nobody has come for.
func (r *readyConns) drop(host string, conn net.Conn) {
	r.mu.Lock()
	waits := r.conns[host] == conn
	if waits {
		delete(r.conns, host)
	}
	r.mu.Unlock()
	if waits {
		_ = conn.Close()
	}
}

func (r *readyConns) take(host string) net.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	conn := r.conns[host]
	delete(r.conns, host)
	return conn
}

func (r *readyConns) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for host, conn := range r.conns {
		_ = conn.Close()
		delete(r.conns, host)
	}
}
