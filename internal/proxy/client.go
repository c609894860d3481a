package proxy

import (
	"container/list"
	"context"
	"net"
	"sync/atomic"
	"time"
)

// What a client may do before it has logged in: any process of this machine may be one.
const (
	maxStrangers    = 256              // connections, beyond which the oldest ones go
	strangerGrace   = time.Second      // that any of them has in any case
	entranceTimeout = 10 * time.Second // for the first byte, and for each head
	entranceHeader  = 128 << 10        // bytes of a head
	firstBytes      = 512              // enough for the head of most CONNECTs
)

// maxHandshakes bounds the TLS handshakes that one agent has under way.
const maxHandshakes = 512

// client is a connection of a client, from the moment when it is accepted.
type client struct {
	conn  net.Conn        // as it was accepted
	ctx   context.Context //nolint:containedctx // the connection's life, in which all of its requests are
	stop  context.CancelFunc
	agent atomic.Pointer[agent] // whose it is; nil before the login
	// through is where the connection leads to if nobody looks at what is in it.
	through atomic.Pointer[authority]

	since    time.Time
	stranger *list.Element // its place among those that have not logged in; guarded by the proxy's mutex
}

type clientKey struct{}

func newClient(ctx context.Context, conn net.Conn, now time.Time) *client {
	c := &client{conn: conn, since: now}
	ctx, c.stop = context.WithCancel(ctx)
	c.ctx = context.WithValue(ctx, clientKey{}, c)
	return c
}

// clientOf returns the connection that a request came in on.
func clientOf(ctx context.Context) *client {
	c, _ := ctx.Value(clientKey{}).(*client)
	return c
}

// hangUp ends the connection and all that goes on in it at once.
func (c *client) hangUp() {
	c.stop()
	_ = c.conn.Close()
}

// begin starts to serve a connection unless there are too many.
func (p *Proxy) begin(conn net.Conn) bool {
	if p.cfg.OwnProcess {
		collectSeldom()
	}
	c := newClient(p.ctx, conn, p.cfg.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	full := len(p.clients) >= p.cfg.MaxConnections
	if full || p.strangers.Len() >= maxStrangers {
		full = !p.dropStranger(c.since) && full
	}
	if p.closed || full {
		c.stop()
		return false
	}
	p.clients[c] = struct{}{}
	c.stranger = p.strangers.PushBack(c)
	p.wg.Go(func() {
		defer p.end(c)
		p.open(c)
	})
	return true
}

// dropStranger hangs up on the client that has put its login off for longest, if that is long. The mutex is held.
func (p *Proxy) dropStranger(now time.Time) bool {
	oldest := p.strangers.Front()
	if oldest == nil {
		return false
	}
	c := oldest.Value.(*client) //nolint:forcetypeassert // nothing else is put there
	if now.Sub(c.since) < strangerGrace {
		return false
	}
	p.forgetStranger(c)
	delete(p.clients, c)
	c.hangUp()
	return true
}

// forgetStranger takes a client from the list of those that have not logged in. The mutex is held.
func (p *Proxy) forgetStranger(c *client) {
	if c.stranger != nil {
		p.strangers.Remove(c.stranger)
		c.stranger = nil
	}
}

// introduce makes a client no stranger any more.
func (p *Proxy) introduce(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgetStranger(c)
}

// end forgets a connection. By now its handler has returned, hijacked or not.
func (p *Proxy) end(c *client) {
	c.hangUp()
	if a := c.agent.Load(); a != nil {
		a.leave(c)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgetStranger(c)
	delete(p.clients, c)
}

// open serves a connection: its first byte tells SOCKS from HTTP, in which no message begins with a control character.
func (p *Proxy) open(c *client) {
	_ = c.conn.SetReadDeadline(time.Now().Add(entranceTimeout))
	first := &startedConn{Conn: c.conn, started: make([]byte, firstBytes)}
	n, err := c.conn.Read(first.started)
	if err != nil || n == 0 {
		return
	}
	first.started = first.started[:n]
	if first.started[0] == socksVersion {
		p.socks(c, first)
		return
	}
	p.entrance.ServeConn(c.ctx, first, p.front(c))
}

// startedConn is a connection of which something has been read already.
type startedConn struct {
	net.Conn
	started []byte // what comes first; nil when it has been read
}

// Read reads what was read before, then the rest.
func (c *startedConn) Read(p []byte) (int, error) {
	if c.started == nil {
		return c.Conn.Read(p)
	}
	n := copy(p, c.started)
	if c.started = c.started[n:]; len(c.started) == 0 {
		c.started = nil
	}
	return n, nil
}

// CloseWrite ends the sending direction.
func (c *startedConn) CloseWrite() error { return closeWrite(c.Conn) }

// closeWrite ends the sending direction of a connection, or all of one that has no such thing.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
