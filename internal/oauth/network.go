package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
)

// progress records how far a request came.
type progress struct {
	told      atomic.Bool // the transport tells of its progress
	connected atomic.Bool // the request got a connection, so bytes may have left
}

func (p *progress) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.told.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
	})
}

// unsent reports whether it is certain that the server saw nothing. A transport that tells nothing of its progress is
// believed only when it failed to dial.
func (p *progress) unsent(err error) bool {
	if p.told.Load() {
		return !p.connected.Load()
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial"
}

// cause is an error whose text has been cleared of secrets.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }

// networkError classifies a request that got no answer.
func networkError(r *request, err error, p *progress) *Error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the URL, which can hold a token
	}
	e := &Error{
		Class: ClassAmbiguous, Reason: networkReason(err), Err: &cause{r.redact.text(err.Error()), err}, op: r.op,
	}
	if p.unsent(err) {
		e.Class = ClassTransient
	}
	return e
}

// networkReason puts a network failure in a few words.
func networkReason(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case isTimeout(err):
		return "connection timed out"
	case isConnRefused(err):
		return "connection refused"
	case isConnReset(err):
		return "connection reset"
	case isUnreachable(err):
		return "network unreachable"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	case errors.Is(err, errTooLong):
		return errTooLong.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "host not found"
		}
		return "host lookup failed"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "TLS certificate not trusted"
	}
	if isTLS(err) {
		return "TLS handshake failed"
	}
	return "connection failed"
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// isTLS recognizes alerts, which net wraps like this, and bytes that are not TLS.
func isTLS(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	if ok && (op.Op == "remote error" || op.Op == "local error") {
		return true
	}
	_, ok = errors.AsType[tls.RecordHeaderError](err)
	return ok
}
