package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

var sendBuffers sync.Pool // of *bufio.Writer

func sendBuffer(w io.Writer) *bufio.Writer {
	if bw, ok := sendBuffers.Get().(*bufio.Writer); ok {
		bw.Reset(w)
		return bw
	}
	return bufio.NewWriterSize(w, writeBuffer)
}

func putSendBuffer(bw *bufio.Writer) {
	bw.Reset(nil)
	sendBuffers.Put(bw)
}

// upload is a request's body on its way. It has a goroutine of its own, so that the answer can come before its end.
type upload struct {
	x    *exchange
	asks chan struct{} // closed when the server has asked for the body; nil if it is not waited for
	ask  func()
	cut  chan struct{} // closed when the body could not be read to its end
	fail error         // why; set when cut is closed
	done chan struct{}
	err  error // set when done is closed: the body has not been sent to its end
}

// send writes the head, and the body with it if all of it is at hand. Otherwise it starts to send the body.
func (x *exchange) send() error {
	bw := sendBuffer(x.p.conn)
	writeRequestHead(bw, x.r)
	hasBody := x.r.Body != nil && x.r.Body != http.NoBody
	if hasBody && isReady(x.r) {
		if _, err := io.CopyN(bw, x.r.Body, x.r.ContentLength); err != nil {
			return err
		}
		hasBody = false
	}
	err := bw.Flush()
	putSendBuffer(bw)
	if err == nil && hasBody {
		x.upload = newUpload(x)
		go x.upload.run()
	}
	return err
}

// isReady reports whether a body can be read whole without waiting, and is short.
func isReady(r *http.Request) bool {
	b, ok := r.Body.(interface{ Ready() bool })
	return ok && r.ContentLength > 0 && r.ContentLength <= readBuffer && b.Ready()
}

func newUpload(x *exchange) *upload {
	u := &upload{x: x, cut: make(chan struct{}), done: make(chan struct{})}
	if x.r.Header["Expect"] != nil {
		u.asks = make(chan struct{})
		u.ask = sync.OnceFunc(func() { close(u.asks) })
	}
	return u
}

// proceed lets the body go that has waited for 100 Continue.
func (u *upload) proceed() {
	if u.ask != nil {
		u.ask()
	}
}

func (u *upload) run() {
	defer close(u.done)
	if !u.await() {
		u.err = errors.New("the body was not asked for")
		return
	}
	if u.fail, u.err = u.copy(); u.fail != nil {
		u.err = u.fail
		close(u.cut)
		u.x.p.interrupt() // the request cannot be completed: nothing will answer it
	}
}

// await waits until the server asks for the body, or for a moment.
func (u *upload) await() bool {
	if u.asks == nil {
		return true
	}
	timer := time.NewTimer(orDefault(u.x.p.client.ContinueTimeout, time.Second))
	defer timer.Stop()
	select {
	case <-u.asks:
	case <-timer.C:
	case <-u.x.r.Context().Done():
		return false
	}
	return true
}

// copy sends the body as it comes.
func (u *upload) copy() (readErr, writeErr error) {
	r := u.x.r
	buf := GetBuffer()
	defer func() { PutBuffer(buf) }()
	out := &bodyWriter{out: u.x.p.conn, wire: u.x.p.in.wire, chunked: r.ContentLength < 0}
	left := r.ContentLength
	for left != 0 {
		part := *buf
		if left > 0 {
			part = part[:min(int64(len(part)), left)]
		}
		n, err := r.Body.Read(part)
		if left > 0 {
			left -= int64(n)
		}
		if n > 0 {
			if err := out.write(part[:n]); err != nil {
				return nil, err
			}
			buf = FitBuffer(buf, n)
		}
		switch {
		case errors.Is(err, io.EOF) && left > 0:
			return fmt.Errorf("read the request's body: %w", io.ErrUnexpectedEOF), nil
		case errors.Is(err, io.EOF):
			left = 0
		case err != nil:
			return fmt.Errorf("read the request's body: %w", err), nil
		}
	}
	return nil, out.end(r.Trailer)
}

// settled reports whether the body has been sent to its end, or will be in a moment.
func (u *upload) settled() bool {
	if u == nil {
		return true
	}
	select {
	case <-u.done:
		return u.err == nil
	default:
	}
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-u.done:
		return u.err == nil
	case <-timer.C:
		return false
	}
}

// bodyError returns why the body could not be read, if that is what happened.
func (u *upload) bodyError() error {
	select {
	case <-u.cut:
		return u.fail
	default:
		return nil
	}
}

// bodyWriter writes a body in its framing.
type bodyWriter struct {
	out     io.Writer
	wire    *Wire
	chunked bool
}

func (b *bodyWriter) write(p []byte) error {
	if len(p) < bulk || b.wire == nil {
		return b.frame(p)
	}
	b.wire.cork(len(p))
	err := b.frame(p)
	return errors.Join(err, b.wire.uncork())
}

func (b *bodyWriter) frame(p []byte) error {
	if !b.chunked {
		_, err := b.out.Write(p)
		return err
	}
	bw := sendBuffer(b.out)
	defer putSendBuffer(bw)
	writeChunk(bw, p)
	return bw.Flush()
}

// writeChunk writes a part of a body in the chunked coding, RFC 9112 section 7.1.
func writeChunk(bw *bufio.Writer, p []byte) {
	_, _ = bw.Write(strconv.AppendInt(bw.AvailableBuffer(), int64(len(p)), 16))
	_, _ = bw.WriteString("\r\n")
	_, _ = bw.Write(p)
	_, _ = bw.WriteString("\r\n")
}

// end writes the end of the body and its trailer section.
func (b *bodyWriter) end(trailer http.Header) error {
	if !b.chunked {
		return nil
	}
	bw := sendBuffer(b.out)
	defer putSendBuffer(bw)
	_, _ = bw.WriteString("0\r\n")
	for name, values := range trailer {
		if MayTrail(name) {
			writeField(bw, name, values)
		}
	}
	_, _ = bw.WriteString("\r\n")
	return bw.Flush()
}

// writeRequestHead buffers the request line and the fields, which have passed checkRequest.
func writeRequestHead(bw *bufio.Writer, r *http.Request) {
	_, _ = bw.WriteString(r.Method)
	_ = bw.WriteByte(' ')
	_, _ = bw.WriteString(r.URL.RequestURI())
	_, _ = bw.WriteString(" HTTP/1.1\r\nHost: ")
	_, _ = bw.WriteString(r.Host)
	_, _ = bw.WriteString("\r\n")
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
		default:
			for _, v := range values {
				putField(bw, name, v)
			}
		}
	}
	writeFraming(bw, r)
	_, _ = bw.WriteString("\r\n")
}

// writeFraming says how the body ends. A request without one says so where its method lets a server expect one, RFC 9110
// section 8.6.
func writeFraming(bw *bufio.Writer, r *http.Request) {
	hasBody := r.Body != nil && r.Body != http.NoBody
	switch {
	case hasBody && r.ContentLength < 0:
		_, _ = bw.WriteString("Transfer-Encoding: chunked\r\n")
		for name := range r.Trailer {
			if MayTrail(name) {
				writeField(bw, "Trailer", []string{name})
			}
		}
	case hasBody, r.Method == http.MethodPost, r.Method == http.MethodPut, r.Method == http.MethodPatch:
		_, _ = bw.WriteString("Content-Length: ")
		n := max(r.ContentLength, 0)
		if !hasBody {
			n = 0
		}
		_, _ = bw.Write(strconv.AppendInt(bw.AvailableBuffer(), n, 10))
		_, _ = bw.WriteString("\r\n")
	}
}
