package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// proxyError is the failure of the proxy between this one and the upstreams, or of what lies behind that.
type proxyError struct {
	proxy  string // host:port, without the user's name and password
	answer string // its status line; empty if there was none
	err    error
}

// Error says what has failed.
func (e *proxyError) Error() string {
	if e.answer != "" {
		return fmt.Sprintf("through the proxy %s: it answered %s", e.proxy, e.answer)
	}
	return fmt.Sprintf("through the proxy %s: %v", e.proxy, e.err)
}

// Unwrap returns the cause.
func (e *proxyError) Unwrap() error { return e.err }

// choose returns the proxy for a request, or nil: what the user has resolved to an address is reached there.
func (d *dialer) choose(by func(*http.Request) (*url.URL, error), r *http.Request) (*url.URL, error) {
	a, err := parseAuthority(r.URL.Host, schemePort(r.URL.Scheme))
	if err != nil {
		return nil, err
	}
	if _, ok := d.resolve[a.String()]; ok {
		return nil, nil //nolint:nilnil // no proxy and no error: what http.Transport expects
	}
	via, err := by(r)
	if via != nil && isRefusedName(a.host) {
		return nil, errForbiddenAddress
	}
	return via, err
}

// isRefusedName reports whether a name must not be handed to a proxy, which resolves it where this side cannot see to
// what: the metadata services of clouds have names, too. A name that a rogue DNS server leads there is the proxy's to
// refuse.
func isRefusedName(host string) bool {
	return isForbiddenHost(host) ||
		slices.Contains([]string{"metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}, host)
}

// plainTransport sends what is not encrypted, to an upstream or to the proxy before it. That is reached where the user has
// put it, an upstream where one may be.
func (d *dialer) plainTransport() *http.Transport {
	t := &http.Transport{Protocols: protocols(true), TLSClientConfig: d.tls.Clone()}
	if d.proxy != nil {
		t.Proxy = d.chooseForPlain
	}
	t.DialContext = d.dialForPlain
	return transport(t)
}

// proxyPort is where a proxy is if nobody has said so.
func proxyPort(scheme string) string {
	if strings.HasPrefix(scheme, "socks5") {
		return "1080"
	}
	return schemePort(scheme)
}

// dialTunnel makes a connection on which the bytes of an authority come, through the upstream proxy if there is one. It is
// verified if the caller sends nothing before the other end has shown the certificate of the authority.
func (d *dialer) dialTunnel(ctx context.Context, a authority, verified bool) (net.Conn, error) {
	var via *url.URL
	if d.proxy != nil {
		var err error
		target := &http.Request{Method: http.MethodConnect, URL: &url.URL{Scheme: "https", Host: a.String()}}
		if via, err = d.proxy(target.WithContext(ctx)); err != nil {
			return nil, fmt.Errorf("choose the upstream proxy for %s: %w", a, err)
		}
	}
	if via == nil {
		return d.DialContext(ctx, "tcp", a.String())
	}
	targets, err := d.handOver(ctx, via, a, verified)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", a, err)
	}
	return d.dialHandedOver(ctx, via, a, targets)
}

func (d *dialer) dialVia(ctx context.Context, via *url.URL, a authority) (net.Conn, error) {
	switch via.Scheme {
	case "http", "https":
	case "socks5", "socks5h":
		return d.dialSOCKS(ctx, via, a)
	default:
		return nil, fmt.Errorf("the scheme %q is not one of http, https, socks5", via.Scheme)
	}
	conn, err := d.dialProxy(ctx, via)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	_ = conn.SetDeadline(time.Now().Add(proxyTimeout))
	tunnel, err := requestTunnel(conn, via.User, a)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return tunnel, nil
}

// proxyTimeout bounds how long a proxy may take to make a tunnel.
const proxyTimeout = 60 * time.Second

// dialProxy connects to a proxy itself, where the user has put it: at any address but this proxy's own.
func (d *dialer) dialProxy(ctx context.Context, via *url.URL) (net.Conn, error) {
	at, err := parseAuthority(via.Host, proxyPort(via.Scheme))
	if err != nil {
		return nil, err
	}
	conn, err := d.trusted.DialContext(ctx, "tcp", at.String())
	if err != nil || via.Scheme != "https" {
		return conn, err
	}
	cfg := d.tls.Clone()
	cfg.ServerName, cfg.NextProtos = at.host, nil
	return tls.Client(conn, cfg), nil
}

// dialSOCKS goes through a proxy of SOCKS5, which resolves the name.
func (d *dialer) dialSOCKS(ctx context.Context, via *url.URL, a authority) (net.Conn, error) {
	var login *proxy.Auth
	if via.User != nil {
		password, _ := via.User.Password()
		login = &proxy.Auth{User: via.User.Username(), Password: password}
	}
	socks, err := proxy.SOCKS5("tcp", via.Host, login, socksForward{d, via})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, proxyTimeout)
	defer cancel()
	return socks.(proxy.ContextDialer).DialContext(ctx, "tcp", a.String()) //nolint:forcetypeassert // it is one, it says
}

// socksForward makes the connection to a proxy of SOCKS5.
type socksForward struct {
	d   *dialer
	via *url.URL
}

// Dial is not called, since the one with a context is there.
func (f socksForward) Dial(network, address string) (net.Conn, error) {
	return f.DialContext(context.Background(), network, address)
}

// DialContext connects to the proxy.
func (f socksForward) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return f.d.dialProxy(ctx, f.via)
}

// requestTunnel sends CONNECT (RFC 9110 section 9.3.6) and returns the tunnel.
func requestTunnel(conn net.Conn, user *url.Userinfo, a authority) (net.Conn, error) {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: a.String()}, Host: a.String(), Header: http.Header{}}
	req.Header.Set("User-Agent", "authsome")
	if user != nil {
		password, _ := user.Password()
		basic := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		req.Header.Set("Proxy-Authorization", "Basic "+basic)
	}
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, &proxyError{answer: fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)), err: errors.New("no tunnel")}
	}
	if br.Buffered() == 0 {
		return conn, nil
	}
	return &clientConn{Conn: conn, early: buffered(br)}, nil
}
