package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Client sends requests over connections of HTTP/1.1, which it keeps and uses again. Dial must be set; the zero value of
// all else works. It is safe for concurrent use.
//
// It differs from http.Transport in this. The goroutine that sends a request reads the answer; there is a second one only
// while a body is being sent. A response whose end two readers could see in two places is an error, with the severity
// that [Server] has for requests. It follows no proxy, changes no field but those of the framing, and decodes nothing.
type Client struct {
	// Dial connects to a destination, up to and including TLS.
	Dial func(ctx context.Context, destination string) (net.Conn, error)
	// MaxHeaderBytes bounds the head of a response; 1 MiB if zero.
	MaxHeaderBytes int
	// IdlePerHost and Idle bound the connections that are kept, those of one destination and all; 256 and 2048 if zero.
	IdlePerHost, Idle int
	// IdleTimeout is how long a connection is kept; 90 seconds if zero.
	IdleTimeout time.Duration
	// ContinueTimeout is how long a body waits for 100 Continue, for servers that do not know of it (RFC 9110 section
	// 10.1.1); one second if zero.
	ContinueTimeout time.Duration

	mu     sync.Mutex            // guards all below
	idle   map[string][]idlePeer // by destination, the most recently used last
	kept   int                   // how many there are in idle
	timer  *time.Timer           // closes those kept for too long; nil while there are none
	closed bool
}

// Interim is told of the interim responses (1xx) before the final one, except 101. The header belongs to the callee.
type Interim func(status int, header http.Header)

// peer is one connection to a server.
type peer struct {
	client      *Client
	destination string
	conn        net.Conn
	in          stream
	used        bool // it has carried a request
	since       time.Time
	life        lifeline
}

// RoundTrip sends a request to a destination and returns the answer, whose Body must be read to its end or closed. The
// request's URL gives its target, and Host its authority. When a kept connection turns out to be dead, a request that
// may be sent twice is sent again, once (RFC 9110 section 9.2.2). Unlike an http.RoundTripper it leaves the request's
// body open when it fails before having sent any of it.
//
// The end of the request's context breaks the exchange off until the answer's body has been read or closed.
func (c *Client) RoundTrip(r *http.Request, destination string, interim Interim) (*http.Response, error) {
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	p, err := c.connection(r.Context(), destination)
	if err != nil {
		return nil, err
	}
	resp, err := p.exchange(r, interim)
	if err == nil || !p.used || !mayRepeat(r, err) {
		return resp, err
	}
	again, err := rewind(r, err)
	if err != nil {
		return nil, err
	}
	if p, err = c.connect(r.Context(), destination); err != nil {
		return nil, err
	}
	return p.exchange(again, interim)
}

// lostError is the failure of an exchange before anything of the answer had come.
type lostError struct {
	err  error
	sent bool // some of the request may have reached the server
}

// Error says what happened.
func (e *lostError) Error() string {
	return "the connection was lost before the answer: " + e.err.Error()
}

// Unwrap returns the cause.
func (e *lostError) Unwrap() error { return e.err }

// mayRepeat reports whether a request that failed on a kept connection can be sent again: the server has certainly not
// seen it, or it does no harm to be seen twice. These are the rules of net/http.
func mayRepeat(r *http.Request, err error) bool {
	lost, ok := errors.AsType[*lostError](err)
	if !ok || r.Context().Err() != nil {
		return false
	}
	if !lost.sent {
		return true
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil
}

// rewind returns the request with its body at the beginning, or the error that it failed with.
func rewind(r *http.Request, failed error) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	if r.GetBody == nil {
		return nil, failed
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, failed
	}
	again := *r
	again.Body = body
	return &again, nil
}

// connection returns a kept connection that still lives, or a new one.
func (c *Client) connection(ctx context.Context, destination string) (*peer, error) {
	for {
		p := c.take(destination, idOf(ctx))
		if p == nil {
			return c.connect(ctx, destination)
		}
		if p.lives() {
			return p, nil
		}
		_ = p.close()
	}
}

func (c *Client) connect(ctx context.Context, destination string) (*peer, error) {
	conn, err := c.Dial(ctx, destination)
	if err != nil {
		return nil, err
	}
	return c.newPeer(conn, destination), nil
}

func (c *Client) newPeer(conn net.Conn, destination string) *peer {
	p := &peer{
		client: c, destination: destination, conn: conn,
		in: stream{bufio.NewReaderSize(conn, readBuffer), wireOf(conn)},
	}
	p.life.p = p
	return p
}

// Keep adds a connection that has been made by somebody else and not used yet.
func (c *Client) Keep(conn net.Conn, destination string) {
	p := c.newPeer(conn, destination)
	p.used = true // it may be dead when it is wanted, like one that has been used
	p.keep()
}

// lives reports whether a kept connection can take a request. Where that cannot be seen, a young one is trusted.
func (p *peer) lives() bool {
	if p.in.wire == nil || p.in.wire.raw == nil {
		return p.in.Buffered() == 0 && time.Since(p.since) < time.Second
	}
	return p.in.quiet()
}

// breakOff ends a connection in the middle of a message. It does not say good-bye, so that the server knows.
func (p *peer) breakOff() {
	p.life.release()
	if below, ok := p.conn.(interface{ NetConn() net.Conn }); ok {
		_ = below.NetConn().Close()
		return
	}
	_ = p.conn.Close()
}

func (c *Client) maxHeaderBytes() int {
	if c.MaxHeaderBytes > 0 {
		return c.MaxHeaderBytes
	}
	return 1 << 20
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// checkRequest refuses what could not be written without becoming something else.
func checkRequest(r *http.Request) error {
	if !isToken(r.Method) {
		return fmt.Errorf("invalid method %q", r.Method)
	}
	if r.Host == "" || hasControl(r.Host) {
		return errors.New("invalid host")
	}
	if strings.Contains(r.URL.RawQuery, " ") || hasControl(r.URL.RawQuery) {
		return errors.New("invalid query")
	}
	for name, values := range r.Header {
		if len(values) > 0 && !isToken(name) {
			return fmt.Errorf("invalid header field name %q", name)
		}
		for _, v := range values {
			if hasControl(v) {
				return fmt.Errorf("control character in the header field %q", name)
			}
		}
	}
	return nil
}
