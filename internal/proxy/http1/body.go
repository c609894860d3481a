package http1

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// requestBody is the body of a request. Its end starts the watch over the connection, and its first read asks the
// client for it when the client waits to be asked (RFC 9110 section 10.1.1).
type requestBody struct {
	w     *response
	src   io.Reader
	ended atomic.Bool // read to its end

	mu     sync.Mutex // guards src and closed: a transport may read while the handler returns
	closed bool
}

// bodyOf returns the body that the head announces. That of http.ReadRequest is neither as strict nor as fast.
func (c *conn) bodyOf(req *http.Request) io.Reader {
	if req.ContentLength >= 0 {
		return &counted{&c.in, req.ContentLength}
	}
	return &chunks{src: &c.in, trailer: func(h http.Header) { mergeTrailer(&req.Trailer, h) }}
}

// Ready reports whether all of a body of known length has arrived and waits in memory.
func (b *requestBody) Ready() bool {
	c, ok := b.src.(*counted)
	return ok && int64(c.src.Buffered()) >= c.left && !b.w.awaitsContinue()
}

// Read reads from the body.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.read(p)
}

func (b *requestBody) read(p []byte) (int, error) {
	if b.ended.Load() {
		return 0, io.EOF
	}
	if err := b.w.sendContinue(); err != nil {
		return 0, err
	}
	n, err := b.src.Read(p)
	if errors.Is(err, io.EOF) && !b.ended.Swap(true) {
		b.w.c.watch.bodyEnded()
	}
	return n, err
}

// Close ends the reading; what is left of the body stays on the connection.
func (b *requestBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// abandon ends the reading for good, reads a moderate rest away, and more for as long as goOn says so, and reports whether the
// body's end was reached. It does not ask a client for a body that still waits to be asked.
func (b *requestBody) abandon(goOn func() bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.w.awaitsContinue() {
		return false
	}
	for {
		_, err := io.CopyN(io.Discard, readerFunc(b.read), discardLimit)
		if err != nil || b.ended.Load() || !goOn() {
			return b.ended.Load()
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
