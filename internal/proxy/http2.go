package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// http2Server serves decrypted connections that speak HTTP/2, with the server of net/http.
type http2Server struct {
	server *http.Server
	queue  *connQueue
	start  func()
	// handling is held, for reading, by each request: net/http does not wait for them when their connection has ended.
	handling sync.RWMutex
}

// maxStreams bounds the requests that one connection of HTTP/2 has under way.
const maxStreams = 250

// maxAgentStreams bounds those of all connections of one agent.
const maxAgentStreams = 2000

type destinationKey struct{}

func newHTTP2Server(p *Proxy) *http2Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	s := &http2Server{queue: newConnQueue()}
	s.server = &http.Server{
		Protocols:         protocols,
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          log.New(io.Discard, "", 0),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, // handlers, too: those of streams that were reset at once count to their end
		},
		ConnContext: func(_ context.Context, c net.Conn) context.Context {
			return context.WithValue(inner(c).client.ctx, destinationKey{}, inner(c).destination)
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				inner(c).ended()
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.handling.RLock()
			defer s.handling.RUnlock()
			d := p.current(r.Context().Value(destinationKey{}).(*destination))
			a := clientOf(r.Context()).agent.Load()
			defer a.endStream()
			if why := a.beginStream(cmp.Or(p.cfg.maxAgentStreams, maxAgentStreams)); why != nil {
				p.deny(w, r, d.field, why)
				return
			}
			p.exchange(w, r, d)
		}),
	}
	s.start = sync.OnceFunc(func() { p.wg.Go(func() { _ = s.server.Serve(s.queue) }) })
	return s
}

// inner returns the client's connection below TLS.
func inner(c net.Conn) *clientConn { return c.(*tls.Conn).NetConn().(*clientConn) }

// serve serves one connection until it is over.
func (s *http2Server) serve(secure *tls.Conn, conn *clientConn) {
	over := make(chan struct{})
	conn.ended = sync.OnceFunc(func() { close(over) })
	s.start()
	if !s.queue.put(secure) {
		_ = secure.Close()
		return
	}
	<-over
}

func (s *http2Server) close() {
	_ = s.queue.Close()
	_ = s.server.Close()
}

// wait waits until what the requests have done is on record. Those that come later find everything closed.
func (s *http2Server) wait() {
	s.handling.Lock()
	defer s.handling.Unlock()
}

// connQueue is a net.Listener whose connections come from within.
type connQueue struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newConnQueue() *connQueue {
	q := &connQueue{conns: make(chan net.Conn), closed: make(chan struct{})}
	q.close = sync.OnceFunc(func() { close(q.closed) })
	return q
}

func (q *connQueue) put(c net.Conn) bool {
	select {
	case q.conns <- c:
		return true
	case <-q.closed:
		return false
	}
}

// Accept returns the next connection, or net.ErrClosed.
func (q *connQueue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

// Close makes Accept fail.
func (q *connQueue) Close() error {
	q.close()
	return nil
}

// Addr returns an address that says nothing.
func (q *connQueue) Addr() net.Addr { return &net.TCPAddr{} }

var _ net.Listener = (*connQueue)(nil)
