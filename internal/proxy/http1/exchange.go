package http1

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// MaxInterim bounds the interim responses before a final one.
	MaxInterim = 16
	// settle is how long an answered request may take to be sent to its end, to keep the connection.
	settle = 50 * time.Millisecond
)

// exchange is one request and its answer on one connection.
type exchange struct {
	p      *peer
	r      *http.Request
	upload *upload // nil without a body, or if all of it left with the head
	begun  bool    // something of the answer has come

	// The answer, here for the sake of one allocation.
	resp   http.Response
	fields fields
	body   answerBody
}

// exchange sends a request and reads the head of the answer. An error ends the connection.
func (p *peer) exchange(r *http.Request, interim Interim) (*http.Response, error) {
	x := &exchange{p: p, r: r}
	p.life.begin(r.Context())
	resp, err := x.start(interim)
	if err != nil {
		p.breakOff()
		return nil, x.explain(err)
	}
	return resp, nil
}

// explain says why an exchange failed.
func (x *exchange) explain(err error) error {
	if cause := x.r.Context().Err(); cause != nil {
		return cause
	}
	if x.upload != nil {
		if failed := x.upload.bodyError(); failed != nil {
			return failed
		}
	}
	return err
}

func (x *exchange) start(interim Interim) (*http.Response, error) {
	before := x.p.taken()
	if err := x.send(); err != nil {
		return nil, &lostError{err, x.p.taken() != before}
	}
	if err := x.answer(interim); err != nil {
		if !x.begun {
			return nil, &lostError{err, true}
		}
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	x.p.used = true
	x.attachBody()
	return &x.resp, nil
}

func (p *peer) taken() int64 {
	if p.in.wire == nil {
		return -1
	}
	return p.in.wire.taken()
}

// answer reads heads until the one of the final response.
func (x *exchange) answer(interim Interim) error {
	for range MaxInterim {
		head, err := x.readHead()
		if err != nil {
			return err
		}
		resp := &x.resp
		*resp, x.fields = http.Response{Request: x.r}, fields{}
		if err := parseAnswer(head, resp, &x.fields); err != nil {
			return err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return nil
		}
		if resp.StatusCode == http.StatusContinue && x.upload != nil {
			x.upload.proceed()
		}
		if interim != nil {
			interim(resp.StatusCode, resp.Header)
		}
	}
	return errMalformed("too many interim responses")
}

// readHead waits for a whole head and takes it from the connection.
func (x *exchange) readHead() (string, error) {
	in, limit := &x.p.in, x.p.client.maxHeaderBytes()
	for seen := 0; ; {
		if _, err := in.Peek(seen + 1); err != nil {
			if seen > 0 {
				err = unexpected(err)
			}
			return "", err
		}
		x.begun = true
		buffered, _ := in.Peek(in.Buffered())
		if end := headEnd(buffered, seen); end > 0 {
			head := string(buffered[:end])
			_, _ = in.Discard(end)
			return head, nil
		}
		seen = len(buffered)
		larger, err := enlarge(in.Reader, x.p.conn, limit)
		if err != nil {
			return "", err
		}
		in.Reader = larger
	}
}

// attachBody gives the response the body that its head announces.
func (x *exchange) attachBody() {
	resp, f := &x.resp, &x.fields
	x.body = answerBody{x: x, src: &x.p.in}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		resp.Body = &switched{x}
	case hasNoBody(resp) || f.lengths == 1 && f.length == 0:
		resp.Body = http.NoBody
		x.finish(!resp.Close)
	case f.chunked:
		x.body.src = &chunks{src: &x.p.in, trailer: func(h http.Header) { mergeTrailer(&resp.Trailer, h) }}
		x.body.keep, resp.Body = !resp.Close, &x.body
	case f.lengths == 1:
		x.body.counted = counted{&x.p.in, f.length}
		x.body.src = &x.body.counted
		x.body.keep, resp.Body = !resp.Close, &x.body
	default:
		resp.Body = &x.body
	}
}

// finish ends an exchange whose answer has been read. The connection is kept if it can be.
func (x *exchange) finish(keep bool) {
	keep = keep && x.p.in.Buffered() == 0 && x.upload.settled()
	if x.p.life.end() && keep {
		x.p.keep()
		return
	}
	x.p.breakOff()
}

// counted is a body whose length is known. It reports io.EOF with the last byte.
type counted struct {
	src  *stream
	left int64
}

// Read reads from the body.
func (c *counted) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.src.Read(p[:min(int64(len(p)), c.left)])
	if c.left -= int64(n); c.left == 0 {
		return n, io.EOF
	}
	return n, unexpected(err)
}

// answerBody is the body of a response.
type answerBody struct {
	x       *exchange
	src     io.Reader
	counted counted // what src points to, when the length is known
	keep    bool    // the connection outlives the response
	err     error
}

// Read reads from the body. At its end the connection is free for others.
func (b *answerBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		b.err = io.EOF
		b.x.finish(b.keep)
	default:
		b.err = b.x.explain(fmt.Errorf("read a response: %w", err))
		b.x.finish(false)
	}
	return n, b.err
}

// Close ends the exchange. A response that has not been read to its end costs the connection.
func (b *answerBody) Close() error {
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
		b.x.finish(false)
	}
	return nil
}

// switched is the body of a 101: the connection itself, RFC 9110 section 7.8.
type switched struct{ x *exchange }

// Read reads what the server sends in the new protocol.
func (s *switched) Read(p []byte) (int, error) { return s.x.p.in.Read(p) }

// Write sends in the new protocol.
func (s *switched) Write(p []byte) (int, error) { return s.x.p.conn.Write(p) }

// Close ends the connection.
func (s *switched) Close() error { return s.x.p.close() }
