package proxy

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"time"
)

const (
	idlePerHost  = 256
	idleTimeout  = 90 * time.Second
	upstreamRead = 8 << 10
)

// upstream holds the connections to the real servers, shared by all clients. Clients of HTTP/1.1 are served by
// HTTP/1.1, which is faster for bulk and carries upgrades; clients of HTTP/2 by HTTP/2 where the server speaks it, which
// streams in both directions and carries trailers.
type upstream struct {
	*dialer
	http1, http2 *http.Transport
}

func newUpstream(cfg Config, isOwn func(netip.AddrPort) bool) (*upstream, error) {
	tlsConfig := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            cfg.RootCAs,
		ClientSessionCache: tls.NewLRUClientSessionCache(128),
		// A request of an agent fits into one record.
		DynamicRecordSizingDisabled: true,
	}
	d, err := newDialer(cfg, isOwn, tlsConfig)
	if err != nil {
		return nil, err
	}
	only1, both := new(http.Protocols), new(http.Protocols)
	only1.SetHTTP1(true)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	u := &upstream{dialer: d, http1: d.transport(only1), http2: d.transport(both)}
	return u, nil
}

func (d *dialer) transport(protocols *http.Protocols) *http.Transport {
	return &http.Transport{
		Proxy:                  d.proxy,
		DialContext:            d.DialContext,
		TLSClientConfig:        d.tls.Clone(),
		Protocols:              protocols,
		TLSHandshakeTimeout:    15 * time.Second,
		DisableCompression:     true, // what the client asks for is what it gets
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ReadBufferSize:         upstreamRead,
	}
}

// roundTrip sends a request in the version of HTTP that it came in.
func (u *upstream) roundTrip(r *http.Request) (*http.Response, error) {
	if r.ProtoMajor == 2 {
		return u.http2.RoundTrip(r)
	}
	return u.http1.RoundTrip(r)
}

func (u *upstream) close() {
	u.http1.CloseIdleConnections()
	u.http2.CloseIdleConnections()
}
