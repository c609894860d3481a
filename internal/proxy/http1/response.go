package http1

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// framing says how the end of a response body is told, RFC 9112 section 6.3.
type framing int

const (
	framingNone    framing = iota // there is no body
	framingLength                 // Content-Length
	framingChunked                // Transfer-Encoding: chunked
	framingClose                  // the end of the connection, for HTTP/1.0
)

// response is the http.ResponseWriter of one request. It is also an http.Flusher and an http.Hijacker, and answers
// http.ResponseController.
type response struct {
	c      *conn
	req    *http.Request
	body   *requestBody // nil without a body
	header http.Header

	why     string // for the status line
	framing framing
	left    int64 // what is still to come under framingLength
	close   bool  // the connection ends with this response
	failed  bool  // the response could not be written, or not to its end

	mu          sync.Mutex // guards all below, and the connection's writer until wroteHeader
	wroteHeader bool
	awaits      bool // the client waits for 100 Continue
}

var (
	_ http.Flusher  = (*response)(nil)
	_ http.Hijacker = (*response)(nil)
)

func newResponse(c *conn, req *http.Request) *response {
	if c.header == nil {
		c.header = make(http.Header, 16)
	}
	clear(c.header)
	w := &response{c: c, req: req, header: c.header}
	w.close = req.Close || req.ProtoMinor == 0
	if req.ContentLength != 0 {
		w.awaits = req.ProtoMinor > 0 && req.Header.Get("Expect") != ""
		w.body = &requestBody{w: w, src: c.bodyOf(req)}
		req.Body = w.body
	}
	return w
}

// TakeHeader has WriteHeader send the fields of h, which from then on is what Header returns, in place of those set before.
func (w *response) TakeHeader(h http.Header) { w.header = h }

// Explain has the status line say more than the usual words: of a CONNECT that is refused, that is what programs show.
func (w *response) Explain(why string) { w.why = phrase(why) }

// Header returns the fields that WriteHeader will send.
func (w *response) Header() http.Header { return w.header }

// WriteHeader sends an interim response (1xx) at once, and buffers the head of a final one.
func (w *response) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wroteHeader {
		return
	}
	if status >= 100 && status < 200 {
		w.writeInterim(status)
		return
	}
	w.wroteHeader = true
	w.close = w.close || w.awaits || w.c.ctx.Err() != nil || w.refusesTunnel(status)
	w.writeHead(status)
}

// refusesTunnel reports whether a client will have no use for the connection: Node.js, for one, forgets to close it after a
// CONNECT that was refused, and does not end. After a 407 it may try again.
func (w *response) refusesTunnel(status int) bool {
	return w.req.Method == http.MethodConnect && status >= 300 && status != http.StatusProxyAuthRequired
}

// writeInterim sends a 1xx response, RFC 9110 section 15.2. The mutex is held.
func (w *response) writeInterim(status int) {
	if w.req.ProtoMinor == 0 {
		return
	}
	if status == http.StatusContinue {
		if !w.awaits {
			return
		}
		w.awaits = false
	}
	writeStatus(w.c.bw, status, "")
	w.writeFields(nil)
	_, _ = w.c.bw.WriteString("\r\n")
	_ = w.c.bw.Flush()
}

func (w *response) awaitsContinue() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.awaits
}

// sendContinue asks the client for the body if it waits to be asked and has not been answered yet.
func (w *response) sendContinue() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.awaits {
		return nil
	}
	if w.wroteHeader {
		return http.ErrBodyReadAfterClose
	}
	w.awaits = false
	_, _ = w.c.bw.WriteString("HTTP/1.1 100 Continue\r\n\r\n")
	return w.c.bw.Flush()
}

// writeHead buffers status line and fields and settles the framing. The mutex is held.
func (w *response) writeHead(status int) {
	length := w.contentLength()
	switch {
	case w.req.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified:
		w.framing = framingNone
	case length >= 0:
		w.framing, w.left = framingLength, length
	case w.req.ProtoMinor == 0:
		w.framing, w.close = framingClose, true
	default:
		w.framing = framingChunked
	}
	bw := w.c.bw
	writeStatus(bw, status, w.why)
	w.writeFields(w.skipped(status))
	if w.framing == framingChunked {
		_, _ = bw.WriteString("Transfer-Encoding: chunked\r\n")
	}
	if w.close {
		_, _ = bw.WriteString("Connection: close\r\n")
	}
	_, _ = bw.WriteString("\r\n")
}

// contentLength returns the length that the handler announced, or -1.
func (w *response) contentLength() int64 {
	values := w.header["Content-Length"]
	if len(values) != 1 {
		return -1
	}
	n, err := strconv.ParseUint(values[0], 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}

// Write sends a part of the body; small parts are buffered until Flush.
func (w *response) Write(p []byte) (int, error) {
	if !w.wroteHeader { // only the handler's goroutine sets it
		w.WriteHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, nil
	}
	switch {
	case w.framing == framingNone:
		return 0, http.ErrBodyNotAllowed
	case w.framing == framingLength && int64(len(p)) > w.left:
		w.failed = true
		return 0, http.ErrContentLength
	}
	if err := w.writeBody(p); err != nil {
		w.failed = true
		return 0, fmt.Errorf("write a response: %w", err)
	}
	return len(p), nil
}

// writeBody buffers a small part, and sends a large one in one piece.
func (w *response) writeBody(p []byte) error {
	wire := w.c.in.wire
	if len(p) < bulk || wire == nil {
		return w.frame(p)
	}
	wire.cork(len(p))
	err := w.frame(p)
	if err == nil {
		err = w.c.bw.Flush()
	}
	return errors.Join(err, wire.uncork())
}

func (w *response) frame(p []byte) error {
	switch w.framing {
	case framingChunked:
		writeChunk(w.c.bw, p)
	case framingLength:
		w.left -= int64(len(p))
		_, _ = w.c.bw.Write(p)
	default:
		_, _ = w.c.bw.Write(p)
	}
	_, err := w.c.bw.Write(nil) // says whether any of the writes has failed
	return err
}

// Flush sends what is buffered.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError sends what is buffered and reports a connection that is gone.
func (w *response) FlushError() error {
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	if err := w.c.bw.Flush(); err != nil {
		w.failed = true
		return fmt.Errorf("write a response: %w", err)
	}
	return nil
}

// EnableFullDuplex does nothing: a handler may always read while it writes.
func (w *response) EnableFullDuplex() error { return nil }

// Hijack hands the connection over, before anything has been written and after the request's body has been read to its
// end: until then whoever reads that, perhaps still, reads from the connection.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.wroteHeader || w.c.hijacked {
		return nil, nil, http.ErrHijacked
	}
	if w.body != nil && !w.body.ended.Load() {
		return nil, nil, errors.New("take over a connection: the request's body is not over")
	}
	if err := w.c.watch.abort(); err != nil {
		return nil, nil, fmt.Errorf("take over a connection: %w", err)
	}
	w.c.hijacked = true
	return w.c.rwc, bufio.NewReadWriter(w.c.in.Reader, w.c.bw), nil
}

// finish completes the response and reports whether the connection can go on.
func (w *response) finish() bool {
	if !w.wroteHeader {
		if w.header["Content-Length"] == nil {
			w.header["Content-Length"] = []string{"0"}
		}
		w.WriteHeader(http.StatusOK)
	}
	if w.framing == framingLength && w.left > 0 {
		w.failed = true // cut off: only the end of the connection can tell
	}
	if w.failed {
		return false
	}
	if w.framing == framingChunked {
		w.writeTrailer()
	}
	return w.c.bw.Flush() == nil && !w.close
}
