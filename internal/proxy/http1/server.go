package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	readBuffer  = 4 << 10
	writeBuffer = 8 << 10
	// discardLimit is how much of a body that the handler left unread is read away to keep the connection.
	discardLimit = 256 << 10
	// linger is how long a client may take to send the rest of a body that nobody wants. Closing at once would reset
	// the connection, and the client might lose the response.
	linger = 500 * time.Millisecond
)

// Server serves connections. Its zero value works. It is safe for concurrent use.
type Server struct {
	// MaxHeaderBytes bounds the request line and the header fields together; 1 MiB if zero.
	MaxHeaderBytes int
	// HeaderTimeout bounds how long a head may take from its first byte to its last, and how long the first request of
	// a connection may take to begin; no limit if zero. An idle connection is not timed.
	HeaderTimeout time.Duration
	// Patience is for how long a large body that the handler left unread is read away, as long as it keeps coming: many programs
	// look for the response only when they have sent all of their request. If zero, no more than 256 KiB are.
	Patience time.Duration
	// Panicked takes what a handler has panicked with, in the goroutine that did, other than http.ErrAbortHandler. The
	// connection ends, and the others go on, as with net/http's server. Nil lets the panic go on.
	Panicked func(value any)

	readers, writers sync.Pool // of *bufio.Reader, *bufio.Writer
}

// conn is one connection while it is served.
type conn struct {
	server   *Server
	rwc      net.Conn
	in       stream
	bw       *bufio.Writer
	ctx      context.Context //nolint:containedctx // it is the connection's life, handed to each request
	watch    watch
	blank    *http.Request // has the context, and nothing else
	header   http.Header   // of the responses, one after the other
	body     *requestBody  // of the request being served; nil without one
	hijacked bool
}

// ServeConn serves the requests of one connection, one after the other, until it ends, ctx ends, or the handler hijacks
// it (http.Hijacker). It closes the connection unless it was hijacked. The context of the requests is derived from ctx
// and ends with the connection. A handler that panics with http.ErrAbortHandler cuts the connection off in the middle of
// the response, which is how a client learns that the response is incomplete.
func (s *Server) ServeConn(ctx context.Context, rwc net.Conn, handler http.Handler) {
	ctx, cancel := context.WithCancel(ctx)
	c := &conn{server: s, rwc: rwc, ctx: newLasting(ctx), in: stream{s.reader(rwc), wireOf(rwc)}, bw: s.writer(rwc)}
	c.watch.init(c, cancel)
	defer cancel()
	defer c.release()
	for first := true; ctx.Err() == nil; first = false {
		req, err := c.readRequest(first)
		if err != nil {
			c.reject(err)
			return
		}
		if !c.serve(handler, req) {
			return
		}
	}
}

// serve has one request answered and reports whether the connection can take another.
func (c *conn) serve(handler http.Handler, req *http.Request) (keep bool) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				if c.server.Panicked == nil {
					panic(v)
				}
				c.server.Panicked(v)
			}
			c.watch.stop()
			keep = false
		}
	}()
	w := newResponse(c, req)
	c.body = w.body
	c.watch.start(w.body == nil)
	handler.ServeHTTP(w, req)
	if c.hijacked {
		return false
	}
	if w.finish() && c.discardBody() {
		return c.watch.finish()
	}
	c.watch.stop()
	if !w.failed && c.body != nil && !c.body.ended.Load() {
		c.hangUp()
	}
	return false
}

// discardBody reads away what the handler left of the body, and reports whether the next request begins after it.
func (c *conn) discardBody() bool {
	if c.body == nil || c.body.ended.Load() {
		return true
	}
	_ = c.rwc.SetReadDeadline(time.Now().Add(linger)) // also ends a read that the handler's transport has under way
	if c.body.abandon(c.patience()) {
		return c.rwc.SetReadDeadline(time.Time{}) == nil
	}
	return false
}

// patience returns a function that says, after each part of a body that is read away, whether to go on.
func (c *conn) patience() func() bool {
	end := time.Now().Add(c.server.Patience)
	return func() bool {
		now := time.Now()
		return now.Before(end) && c.rwc.SetReadDeadline(now.Add(linger)) == nil
	}
}

// hangUp ends the sending and lets the client finish what it is sending, so that it can read the response.
func (c *conn) hangUp() {
	_ = c.rwc.SetReadDeadline(time.Now().Add(linger))
	if c.body != nil {
		_ = c.body.Close()
	}
	if half, ok := c.rwc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c.in.Reader, discardLimit)
	}
}

// release closes the connection and gives its buffers back, unless the handler has taken both.
func (c *conn) release() {
	c.watch.release()
	if c.hijacked {
		return
	}
	_ = c.rwc.Close()
	if c.body != nil {
		_ = c.body.Close() // nobody reads from the buffer after this
	}
	if !c.watch.idle() {
		return
	}
	c.in.Reset(nil)
	c.bw.Reset(nil)
	c.server.readers.Put(c.in.Reader)
	c.server.writers.Put(c.bw)
}

// reject answers a request that cannot be served, when there is one to answer.
func (c *conn) reject(err error) {
	bad, ok := errors.AsType[*requestError](err)
	if !ok {
		return
	}
	body := fmt.Sprintf("%s: %s\n", http.StatusText(bad.status), bad.why)
	_, _ = fmt.Fprintf(c.bw, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"+
		"Connection: close\r\n\r\n%s", bad.status, http.StatusText(bad.status), len(body), body)
	if c.bw.Flush() == nil {
		c.hangUp()
	}
}

func (s *Server) reader(r io.Reader) *bufio.Reader {
	if br, ok := s.readers.Get().(*bufio.Reader); ok {
		br.Reset(r)
		return br
	}
	return bufio.NewReaderSize(r, readBuffer)
}

func (s *Server) writer(w io.Writer) *bufio.Writer {
	if bw, ok := s.writers.Get().(*bufio.Writer); ok {
		bw.Reset(w)
		return bw
	}
	return bufio.NewWriterSize(w, writeBuffer)
}

func (s *Server) maxHeaderBytes() int {
	if s.MaxHeaderBytes > 0 {
		return s.MaxHeaderBytes
	}
	return 1 << 20
}
