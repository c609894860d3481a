package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"time"

	"authsome/internal/proxy/http1"
)

const (
	idlePerHost              = 256
	idleTimeout              = 90 * time.Second
	upstreamHandshakeTimeout = 15 * time.Second
)

// upstream holds the connections to the real servers, shared by all clients. What a server speaks does not depend on what
// the client speaks: HTTP/1.1 is preferred for clients of HTTP/1.1, because it is faster and carries upgrades, and HTTP/2
// for clients of HTTP/2; a server that offers the other one only is spoken to in that.
type upstream struct {
	*dialer
	http1 *http1.Client
	http2 *http.Transport
	plain *http.Transport // without TLS: nothing is injected there
	known spoken
	ready readyConns
}

func newUpstream(cfg Config, isOwn func(netip.AddrPort) bool) (*upstream, error) {
	tlsConfig := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            cfg.RootCAs,
		ClientSessionCache: tls.NewLRUClientSessionCache(128),
		// Records of one packet's size delay bulk, and a request of an agent fits into one record.
		DynamicRecordSizingDisabled: true,
	}
	d, err := newDialer(cfg, isOwn, tlsConfig)
	if err != nil {
		return nil, err
	}
	u := &upstream{dialer: d}
	u.http1 = &http1.Client{
		Dial: u.connect1, MaxHeaderBytes: maxHeaderBytes, IdlePerHost: idlePerHost, IdleTimeout: idleTimeout,
	}
	u.http2 = transport(&http.Transport{DialTLSContext: u.connect2, Protocols: protocols(false)})
	u.plain = d.plainTransport()
	return u, nil
}

func protocols(http1 bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(http1)
	p.SetHTTP2(!http1)
	return p
}

// transport completes what the transports of net/http have in common.
func transport(t *http.Transport) *http.Transport {
	t.DisableCompression = true // what the client asks for is what it gets
	t.MaxIdleConnsPerHost = idlePerHost
	t.IdleConnTimeout = idleTimeout
	t.ExpectContinueTimeout = time.Second
	t.MaxResponseHeaderBytes = maxHeaderBytes
	return t
}

// roundTrip sends a request to the destination that its URL names, in the version of HTTP that suits both sides.
func (u *upstream) roundTrip(r *http.Request, interim http1.Interim) (*http.Response, error) {
	host := r.URL.Host
	switch {
	case r.URL.Scheme != "https":
		return through(u.plain, withVia(r), interim)
	case r.Header["Upgrade"] != nil: // in HTTP/2 there is no such thing, RFC 9113 section 8.6
		return u.http1.RoundTrip(r.WithContext(context.WithValue(r.Context(), upgradeKey{}, true)), host, interim)
	case r.ProtoMajor == 2:
		return u.preferring2(r, host, interim)
	case u.known.get(host) == onlyHTTP2:
		return through(u.http2, r, interim)
	}
	resp, err := u.http1.RoundTrip(r, host, interim)
	if errors.Is(err, errOnlyHTTP2) {
		return through(u.http2, r, interim)
	}
	return resp, err
}

func (u *upstream) preferring2(r *http.Request, host string, interim http1.Interim) (*http.Response, error) {
	v := u.known.get(host)
	if v == unknown {
		var err error
		if v, err = u.discover(r.Context(), host); err != nil {
			return nil, err
		}
	}
	if v == onlyHTTP1 {
		return u.http1.RoundTrip(r, host, interim)
	}
	return through(u.http2, r, interim)
}

// errStatus is the error of an answer whose status is none, or is not the next one that can come.
var errStatus = errors.New("the server answered with a status that makes no sense")

// through sends a request with a transport of net/http, which leaves it to its caller what a status may be and how many
// interim responses there may be. [http1.Client] sees to that itself.
func through(t *http.Transport, r *http.Request, interim http1.Interim) (*http.Response, error) {
	left := http1.MaxInterim
	trace := &httptrace.ClientTrace{Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
		if left--; left < 0 || status == http.StatusSwitchingProtocols { // in HTTP/2 nothing switches, RFC 9113 section 8.6
			return errStatus
		}
		interim(status, http.Header(h))
		return nil
	}}
	resp, err := t.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		return nil, err
	}
	if (resp.StatusCode < 200 || resp.StatusCode > 599) && resp.StatusCode != http.StatusSwitchingProtocols {
		_ = resp.Body.Close()
		return nil, errStatus
	}
	if resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		// Content-Length is that of another answer (RFC 9110 section 8.6), and net/http would miss as much, as would its clients.
		_ = resp.Body.Close()
		resp.Body, resp.ContentLength = http.NoBody, 0
		delete(resp.Header, "Content-Length")
	}
	return resp, nil
}

// upgradeKey is in the context of requests to switch protocols, for which HTTP/1.1 is tried although it was not agreed on.
type upgradeKey struct{}

// connect1 makes a connection for HTTP/1.1. It fails with errOnlyHTTP2 where the server speaks nothing but that.
func (u *upstream) connect1(ctx context.Context, host string) (net.Conn, error) {
	conn, err := u.connectTLS(ctx, host, "http/1.1")
	switch {
	case refusedProtocol(err):
		u.known.set(host, onlyHTTP2)
		return nil, errOnlyHTTP2
	case err != nil:
		return nil, err
	case conn.ConnectionState().NegotiatedProtocol == "" && u.known.get(host) != onlyHTTP1 && ctx.Value(upgradeKey{}) == nil:
		return u.withoutALPN(ctx, host, conn)
	}
	return conn, nil
}

// withoutALPN handles a server that took a connection for HTTP/1.1 without saying so. Most of those are old; some speak
// HTTP/2 only, which shows when it is offered.
func (u *upstream) withoutALPN(ctx context.Context, host string, conn *tls.Conn) (net.Conn, error) {
	other, err := u.connectTLS(ctx, host, "h2", "http/1.1")
	if err != nil || other.ConnectionState().NegotiatedProtocol != "h2" {
		if err == nil {
			_ = other.Close()
		}
		u.known.set(host, onlyHTTP1)
		return conn, nil
	}
	_ = conn.Close()
	u.ready.put(host, other)
	u.known.set(host, onlyHTTP2)
	return nil, errOnlyHTTP2
}

// connect2 makes a connection for the transport of HTTP/2.
func (u *upstream) connect2(ctx context.Context, _, address string) (net.Conn, error) {
	a, err := parseAuthority(address, "443")
	if err != nil {
		return nil, err
	}
	host := a.field("https")
	if conn := u.ready.take(host); conn != nil {
		return conn, nil
	}
	conn, err := u.connectTLS(ctx, host, "h2", "http/1.1")
	if err != nil {
		return nil, err
	}
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		_ = conn.Close()
		u.known.set(host, onlyHTTP1)
		return nil, errOnlyHTTP1
	}
	return conn, nil
}

// connectTLS connects to a destination, offers the protocols, and verifies who answers.
func (u *upstream) connectTLS(ctx context.Context, host string, protocols ...string) (*tls.Conn, error) {
	a, err := parseAuthority(host, "443")
	if err != nil {
		return nil, err
	}
	raw, err := u.dialTunnel(ctx, a, true)
	if err != nil {
		return nil, err
	}
	cfg := u.tls.Clone()
	cfg.ServerName, cfg.NextProtos = a.host, protocols
	conn := tls.Client(http1.NewWire(raw), cfg)
	ctx, cancel := context.WithTimeout(ctx, upstreamHandshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("handshake with %s: %w", a, err)
	}
	return conn, nil
}

func (u *upstream) close() {
	u.http1.Close()
	u.http2.CloseIdleConnections()
	u.plain.CloseIdleConnections()
	u.ready.close()
}
