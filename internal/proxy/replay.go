package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"authsome"
)

// keepBodyUpTo bounds the bodies that are kept for a second try.
const keepBodyUpTo = 64 << 10

// keptBody passes a request's body on and keeps what has been read of it.
type keptBody struct {
	src io.ReadCloser

	mu       sync.Mutex // guards all below, and the reading: the transport may still read when it has answered
	buf      []byte     // its capacity is the length of the body
	passed   int        // how much of buf the transport has read
	complete bool
}

// Read reads from the body.
func (b *keptBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.passed == len(b.buf) {
		if err := b.more(len(p)); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.buf[b.passed:])
	if b.passed += n; b.complete && b.passed == len(b.buf) {
		return n, io.EOF
	}
	return n, nil
}

// more reads up to n bytes. The mutex is held.
func (b *keptBody) more(n int) error {
	if b.complete {
		return nil
	}
	part := b.buf[len(b.buf):min(cap(b.buf), len(b.buf)+n)]
	got, err := b.src.Read(part)
	b.buf = b.buf[:len(b.buf)+got]
	b.complete = errors.Is(err, io.EOF) || len(b.buf) == cap(b.buf)
	if b.complete {
		return nil
	}
	return err
}

// Ready reports whether the whole body has arrived.
func (b *keptBody) Ready() bool {
	ready, ok := b.src.(interface{ Ready() bool })
	return ok && ready.Ready()
}

// Close does nothing: a server that answers early makes the transport close a body that is still wanted. Whoever serves
// the client closes it when the request is over.
func (b *keptBody) Close() error { return nil }

// whole returns the body once more. It reads what the transport has left of it: a server may refuse a request before it
// has all of it.
func (b *keptBody) whole() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.complete {
		if err := b.more(cap(b.buf)); err != nil {
			return nil, fmt.Errorf("read the rest of the body: %w", err)
		}
	}
	return io.NopCloser(bytes.NewReader(b.buf)), nil
}

// keepBody arranges for a small body of known length to be kept: for a second try with a newer credential, and for
// the transport's own when a pooled connection turns out to be dead.
func (x *exchange) keepBody() {
	n := x.out.ContentLength
	if x.out.Body == nil || n <= 0 || n > keepBodyUpTo || len(x.out.Trailer) > 0 {
		return
	}
	x.body = &keptBody{src: x.out.Body, buf: make([]byte, 0, n)}
	x.out.Body = x.body
	x.out.GetBody = x.body.whole
}

// newer returns what may authenticate the request better than what the API has refused, or nil.
func (x *exchange) newer(resp *http.Response) *kept {
	if signer := x.cred.cred.Signer; signer != nil && signer.Retry(resp) {
		return x.cred
	}
	if authsome.ScopeMissing(resp.Header) {
		return nil
	}
	return x.p.memory.replace(x.in.Context(), x.slot, x.cred)
}

// again handles a 401: when there is a newer credential than the one that was sent, and the request can be sent again,
// it is, once. Otherwise the client gets the API's answer.
func (x *exchange) again(resp *http.Response) (*http.Response, error) {
	var body io.ReadCloser
	if x.out.Body != nil {
		if x.body == nil {
			return resp, nil
		}
		var err error
		if body, err = x.body.whole(); err != nil {
			return resp, nil //nolint:nilerr // the API's answer stands
		}
	}
	newer := x.newer(resp)
	if newer == nil || !x.rule.allows(newer, x.out.URL) {
		return resp, nil
	}
	x.p.recordInjection(x.slot.ref, x.d, x.in, resp.StatusCode, "")
	_, _ = io.CopyN(io.Discard, resp.Body, keepBodyUpTo) // lets the connection be used again
	_ = resp.Body.Close()
	x.out = x.out.WithContext(x.out.Context())
	x.out.Header = x.out.Header.Clone() // the transport may not be done with the first one
	x.out.Body = body
	if why := x.inject(newer); why != nil {
		return nil, errors.New(why.Message)
	}
	second, err := x.p.upstream.roundTrip(x.out, x.interim)
	if err == nil && second.StatusCode == http.StatusUnauthorized {
		x.p.memory.futile(x.slot)
	}
	return second, err
}
