package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"

	"authsome"
	"authsome/internal/proxy/http1"
)

// entrance is the way in which a client has asked for a connection: CONNECT (RFC 9110 section 9.3.6) or SOCKS.
type entrance interface {
	// accept tells the client that it has its connection, and takes it over.
	accept() (*clientConn, error)
	// refuse tells the client, and the recorder, why there is none.
	refuse(target string, why *refusal)
}

// front answers what a client asks the proxy itself: CONNECT, and requests in absolute form (RFC 9112 section 3.2.2).
func (p *Proxy) front(c *client) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password := p.proxyLogin(c, r)
		if why := p.login(c, user, password); why != nil {
			p.deny(w, r, r.Host, why)
			return
		}
		if r.Method != http.MethodConnect {
			p.plain(w, r)
			return
		}
		e := &connectEntrance{p: p, c: c, w: w, r: r}
		target, err := parseAuthority(r.RequestURI, "")
		switch {
		case err != nil:
			e.refuse(r.RequestURI, refuse(http.StatusBadRequest, "invalid_authority", "%v", err))
		case r.ContentLength != 0: // what follows is the connection's, RFC 9110 section 9.3.6
			e.refuse(target.String(), refuse(http.StatusBadRequest, "connect_body", "a CONNECT has no body"))
		default:
			p.connect(c, e, target)
		}
	})
}

// proxyLogin returns what a client logs in to the proxy with: what it sends, or what it is known to hold.
func (p *Proxy) proxyLogin(c *client, r *http.Request) (user string, password authsome.Secret) {
	fields := r.Header["Proxy-Authorization"]
	if len(fields) == 0 && p.cfg.Recognize != nil {
		if user, password, ok := p.cfg.Recognize(c.conn); ok {
			return user, password
		}
	}
	if len(fields) != 1 {
		return "", authsome.Secret{}
	}
	basic := http.Request{Header: http.Header{"Authorization": fields}}
	user, sent, _ := basic.BasicAuth()
	return user, authsome.NewSecret(sent)
}

// connect gives a client the connection that it has asked for, or less.
func (p *Proxy) connect(c *client, e entrance, target authority) {
	c.through.Store(&target) // first: what is learned from here on ends the tunnel
	if d := p.destination(target); d != nil {
		c.through.Store(nil)
		p.decrypt(c, e, d)
		return
	}
	if p.isCleartext(target) {
		p.cleartext(c, e, target)
		return
	}
	if why := p.refuseTunnel(target); why != nil {
		e.refuse(target.String(), why)
		return
	}
	p.tunnel(c, e, target)
}

// isCleartext reports whether a target is the port of http of a host that a route names.
func (p *Proxy) isCleartext(target authority) bool {
	return target.port == schemePort("http") && !isForbiddenHost(target.host) && p.namedByRoute(target)
}

// cleartext answers what a client sends to the port of http of a host that a route names as [Proxy.plain] would.
func (p *Proxy) cleartext(c *client, e entrance, target authority) {
	conn, err := e.accept()
	if err != nil {
		return
	}
	p.entrance.ServeConn(c.ctx, conn, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.deny(w, r, target.String(), p.refusePlain(target))
	}))
}

// plain forwards a request that is not encrypted. It never gets a credential.
func (p *Proxy) plain(w http.ResponseWriter, r *http.Request) {
	if r.URL.Scheme != "http" || r.URL.Host == "" {
		p.deny(w, r, r.Host, refuse(http.StatusBadRequest, "not_a_proxy_request",
			"this is a proxy: it takes CONNECT, and http:// requests in absolute form"))
		return
	}
	target, err := parseAuthority(r.URL.Host, "80")
	if err != nil {
		p.deny(w, r, r.URL.Host, refuse(http.StatusBadRequest, "invalid_authority", "%v", err))
		return
	}
	if why := p.refusePlain(target); why != nil {
		p.deny(w, r, target.String(), why)
		return
	}
	p.exchange(w, r, p.plainDestination(target))
}

// decrypt ends the client's TLS here and serves the requests inside.
func (p *Proxy) decrypt(c *client, e entrance, d *destination) {
	conn, secure := p.handshake(c, e, d)
	if secure == nil {
		return
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		p.http2.serve(secure, conn)
		return
	}
	p.http1.ServeConn(c.ctx, secure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.exchange(w, r, p.current(d))
	}))
}

// handshake makes the connection one of TLS, or returns nil.
func (p *Proxy) handshake(c *client, e entrance, d *destination) (*clientConn, *tls.Conn) {
	a := c.agent.Load()
	if why := a.beginHandshake(); why != nil {
		e.refuse(d.String(), why)
		return nil, nil
	}
	defer a.endHandshake()
	conn, err := e.accept()
	if err != nil {
		p.cfg.Logger.Debug("proxy: accept CONNECT", "host", d.host, "error", err)
		return nil, nil
	}
	conn.destination = d
	conn.Conn = http1.NewWire(conn.Conn)
	secure := tls.Server(conn, p.cfg.CA.ServerConfig(d.host))
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		p.cfg.Logger.Debug("proxy: handshake with the client", "host", d.host, "error", err)
		_ = conn.Close()
		return nil, nil
	}
	return conn, secure
}

// clientConn is a client's connection after it has been accepted.
type clientConn struct {
	net.Conn
	client      *client // nil: it is one to an upstream
	early       []byte  // what came with what has been read before; nil when it has been read
	destination *destination
	ended       func() // called when an HTTP/2 connection is over; may be called more than once
}

// Read reads what came early first.
func (c *clientConn) Read(p []byte) (int, error) {
	if len(c.early) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.early)
	if c.early = c.early[n:]; len(c.early) == 0 {
		c.early = nil
	}
	return n, nil
}

// NetConn returns the connection below.
func (c *clientConn) NetConn() net.Conn { return c.Conn }

// CloseWrite ends the sending direction.
func (c *clientConn) CloseWrite() error { return closeWrite(c.Conn) }

// connectEntrance is a request of CONNECT.
type connectEntrance struct {
	p *Proxy
	c *client
	w http.ResponseWriter
	r *http.Request
}

func (e *connectEntrance) accept() (*clientConn, error) {
	conn, buffers, err := http.NewResponseController(e.w).Hijack()
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("answer CONNECT: %w", err)
	}
	early := buffered(buffers.Reader)
	if first, ok := conn.(*startedConn); ok {
		conn, early = first.Conn, append(early, first.started...)
	}
	return &clientConn{Conn: conn, early: early, client: e.c}, nil
}

func (e *connectEntrance) refuse(target string, why *refusal) { e.p.deny(e.w, e.r, target, why) }

// buffered returns a copy of what a reader holds.
func buffered(r *bufio.Reader) []byte {
	held, _ := r.Peek(r.Buffered())
	return bytes.Clone(held)
}
