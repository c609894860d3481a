package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"

	"authsome"
	"authsome/internal/proxy/http1"
)

// front answers what a client asks the proxy itself: CONNECT, and requests in absolute form (RFC 9112 section 3.2.2).
func (p *Proxy) front(w http.ResponseWriter, r *http.Request) {
	switch {
	case !p.knows(r):
		p.deny(w, r, r.Host, refuse(http.StatusProxyAuthRequired, "proxy_authentication",
			"this proxy belongs to an authsome run; it wants the password of that run"))
	case r.Method == http.MethodConnect:
		p.connect(w, r)
	default:
		p.plain(w, r)
	}
}

// knows reports whether the client has the run's password.
func (p *Proxy) knows(r *http.Request) bool {
	user, password, ok := p.login(r)
	userOK := authsome.NewSecret(user).Equal(authsome.NewSecret(p.cfg.User))
	passwordOK := password.Equal(p.cfg.Password)
	return ok && userOK && passwordOK
}

// login returns what the client logs in with: what it sends, or what it is known to hold.
func (p *Proxy) login(r *http.Request) (user string, password authsome.Secret, ok bool) {
	fields := r.Header["Proxy-Authorization"]
	if len(fields) == 0 && p.cfg.Recognize != nil {
		if client, ok := r.Context().Value(clientKey{}).(net.Conn); ok {
			return p.cfg.Recognize(client)
		}
	}
	if len(fields) != 1 {
		return "", authsome.Secret{}, false
	}
	basic := http.Request{Header: http.Header{"Authorization": fields}}
	user, sent, ok := basic.BasicAuth()
	return user, authsome.NewSecret(sent), ok
}

// clientKey is the key of the client's connection in the context of what it asks the proxy itself.
type clientKey struct{}

func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	target, err := parseAuthority(r.RequestURI, "")
	if err != nil {
		p.deny(w, r, r.RequestURI, refuse(http.StatusBadRequest, "invalid_authority", "%v", err))
		return
	}
	if d := p.destination(target); d != nil {
		p.decrypt(w, d)
		return
	}
	if why := p.refuseTunnel(target); why != nil {
		p.deny(w, r, target.String(), why)
		return
	}
	p.tunnel(w, r, target)
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
func (p *Proxy) decrypt(w http.ResponseWriter, d *destination) {
	conn, err := accept(w)
	if err != nil {
		p.cfg.Logger.Debug("proxy: accept CONNECT", "host", d.host, "error", err)
		return
	}
	conn.destination = d
	conn.Conn = http1.NewWire(conn.Conn)
	secure := tls.Server(conn, p.cfg.CA.ServerConfig(d.host))
	ctx, cancel := context.WithTimeout(p.ctx, handshakeTimeout)
	err = secure.HandshakeContext(ctx)
	cancel()
	if err != nil {
		p.cfg.Logger.Debug("proxy: handshake with the client", "host", d.host, "error", err)
		_ = conn.Close()
		return
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		p.http2.serve(secure, conn)
		return
	}
	p.http1.ServeConn(p.ctx, secure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.exchange(w, r, d)
	}))
}

// clientConn is a client's connection after CONNECT has been answered.
type clientConn struct {
	net.Conn
	early       *bufio.Reader // what the client sent before it had the answer; nil when it has been read
	destination *destination
	ended       func() // called when an HTTP/2 connection is over; may be called more than once
}

// Read reads what was buffered first.
func (c *clientConn) Read(p []byte) (int, error) {
	if c.early == nil {
		return c.Conn.Read(p)
	}
	n, err := c.early.Read(p[:min(len(p), c.early.Buffered())])
	if c.early.Buffered() == 0 {
		c.early = nil
	}
	return n, err
}

// NetConn returns the connection below.
func (c *clientConn) NetConn() net.Conn { return c.Conn }

// CloseWrite ends the sending direction.
func (c *clientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

// accept answers a CONNECT and takes the connection over.
func accept(w http.ResponseWriter) (*clientConn, error) {
	conn, buffers, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("answer CONNECT: %w", err)
	}
	c := &clientConn{Conn: conn}
	if buffers.Reader.Buffered() > 0 {
		c.early = buffers.Reader
	}
	return c, nil
}
