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
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// errForbiddenAddress is the error of every connection that must not be made.
var errForbiddenAddress = errors.New("the address is not allowed")

// dialer makes the connections to upstreams. The address is checked at the last moment, for every attempt, so that a
// name that resolves differently from one moment to the next gains nothing.
type dialer struct {
	guarded net.Dialer        // refuses forbidden addresses and the proxy's own
	trusted net.Dialer        // refuses the proxy's own
	resolve map[string]string // "host:port" to "address:port"
	proxy   func(*http.Request) (*url.URL, error)
	tls     *tls.Config // towards a proxy that is reached over TLS
}

func newDialer(cfg Config, isOwn func(netip.AddrPort) bool, tlsConfig *tls.Config) (*dialer, error) {
	d := &dialer{resolve: make(map[string]string, len(cfg.Resolve)), proxy: cfg.UpstreamProxy, tls: tlsConfig}
	for from, to := range cfg.Resolve {
		a, err := parseAuthority(from, "")
		if err != nil {
			return nil, fmt.Errorf("resolve %q to %q: %w", from, to, err)
		}
		d.resolve[a.String()] = to
	}
	check := func(guard bool) func(string, string, syscall.RawConn) error {
		return func(_, address string, _ syscall.RawConn) error {
			a, err := netip.ParseAddrPort(address)
			if err != nil || isOwn(a) || guard && (isForbidden(a.Addr()) || cfg.Contained && isThisMachine(a.Addr())) {
				return errForbiddenAddress
			}
			return nil
		}
	}
	d.guarded = net.Dialer{Timeout: 30 * time.Second, Control: check(true)}
	d.trusted = net.Dialer{Timeout: 30 * time.Second, Control: check(false)}
	return d, nil
}

// DialContext connects to "host:port".
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if to, ok := d.resolve[strings.ToLower(address)]; ok {
		return d.trusted.DialContext(ctx, network, to)
	}
	return d.guarded.DialContext(ctx, network, address)
}

// dialTunnel connects to an authority for a tunnel, through the upstream proxy if there is one.
func (d *dialer) dialTunnel(ctx context.Context, a authority) (net.Conn, error) {
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
	conn, err := d.dialVia(ctx, via, a)
	if err != nil {
		return nil, fmt.Errorf("connect to %s through the proxy %s: %w", a, via.Host, err)
	}
	return conn, nil
}

func (d *dialer) dialVia(ctx context.Context, via *url.URL, a authority) (net.Conn, error) {
	if via.Scheme != "http" && via.Scheme != "https" {
		return nil, fmt.Errorf("tunnels through a proxy with the scheme %q are not supported", via.Scheme)
	}
	at, err := parseAuthority(via.Host, schemePort(via.Scheme))
	if err != nil {
		return nil, err
	}
	conn, err := d.DialContext(ctx, "tcp", at.String())
	if err != nil {
		return nil, err
	}
	if via.Scheme == "https" {
		cfg := d.tls.Clone()
		cfg.ServerName, cfg.NextProtos = at.host, nil
		conn = tls.Client(conn, cfg)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	tunnel, err := requestTunnel(conn, via.User, a)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return tunnel, nil
}

// requestTunnel sends CONNECT (RFC 9110 section 9.3.6) and returns the tunnel.
func requestTunnel(conn net.Conn, user *url.Userinfo, a authority) (net.Conn, error) {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: a.String()}, Host: a.String(), Header: http.Header{}}
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
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	if br.Buffered() == 0 {
		return conn, nil
	}
	return &clientConn{Conn: conn, early: br}, nil
}

// isForbiddenHost reports whether a host, as written, is an address that is never connected to.
func isForbiddenHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && isForbidden(ip)
}

// isForbidden reports whether an address is never connected to: link-local ones, among them the metadata services of
// clouds, the unspecified one, multicast and broadcast; also when an IPv4 address of that kind hides in IPv6
// (RFC 4291 section 2.5.5, RFC 6052, RFC 3056).
func isForbidden(ip netip.Addr) bool {
	ip = embedded(ip.Unmap().WithZone(""))
	switch {
	case ip.IsLinkLocalUnicast(), ip.IsUnspecified(), ip.IsMulticast(), ip.IsInterfaceLocalMulticast():
		return true
	case ip.Is4():
		b := ip.As4()
		return b[0] == 0 || b == [4]byte{255, 255, 255, 255} || b == [4]byte{100, 100, 100, 200} ||
			b == [4]byte{168, 63, 129, 16} || b == [4]byte{192, 0, 0, 192}
	default:
		return ip == netip.AddrFrom16([16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 14: 0x02, 15: 0x54})
	}
}

// embedded returns the IPv4 address that an IPv6 address leads to, or the address itself.
func embedded(ip netip.Addr) netip.Addr {
	if !ip.Is6() {
		return ip
	}
	b := ip.As16()
	var at int
	switch {
	case b[0] == 0x20 && b[1] == 0x02: // 6to4
		at = 2
	case [12]byte(b[:12]) == [12]byte{1: 0x64, 2: 0xff, 3: 0x9b}: // NAT64
		at = 12
	case [6]byte(b[:6]) == [6]byte{1: 0x64, 2: 0xff, 3: 0x9b, 5: 0x01}: // local-use NAT64, RFC 8215
		at = 12
	case [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0): // IPv4-compatible
		at = 12
	default:
		return ip
	}
	return netip.AddrFrom4([4]byte(b[at : at+4]))
}

// isOwnAddress reports whether a connection would come back to this proxy.
func (p *Proxy) isOwnAddress(a netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ln := range p.listeners {
		own, err := netip.ParseAddrPort(ln.Addr().String())
		if err != nil || own.Port() != a.Port() {
			continue
		}
		ip := a.Addr().Unmap()
		if ip == own.Addr().Unmap() || ip.IsLoopback() || own.Addr().IsUnspecified() {
			return true
		}
	}
	return false
}
