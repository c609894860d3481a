package proxy

import (
	"context"
	"crypto/tls"
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

	contained  bool // nothing on this machine may be reached
	trustProxy bool // not through proxy either: it sees to that itself
	lookup     lookup
}

func newDialer(cfg Config, isOwn func(netip.AddrPort) bool, tlsConfig *tls.Config) (*dialer, error) {
	d := &dialer{
		resolve: make(map[string]string, len(cfg.Resolve)), tls: tlsConfig,
		contained: cfg.Contained, trustProxy: cfg.TrustUpstreamProxy, lookup: net.DefaultResolver.LookupNetIP,
	}
	if cfg.UpstreamProxy != nil {
		d.proxy = func(r *http.Request) (*url.URL, error) { return d.choose(cfg.UpstreamProxy, r) }
	}
	for from, to := range cfg.Resolve {
		a, err := parseAuthority(from, "")
		if err != nil {
			return nil, fmt.Errorf("resolve %q to %q: %w", from, to, err)
		}
		d.resolve[a.String()] = to
	}
	check := func(guard bool) func(string, string, syscall.RawConn) error {
		return func(_, address string, socket syscall.RawConn) error {
			a, err := netip.ParseAddrPort(address)
			if err != nil || isOwn(a) || guard && (isForbidden(a.Addr()) || cfg.Contained && isThisMachine(a.Addr())) {
				return errForbiddenAddress
			}
			if a.Addr().Unmap().IsLoopback() {
				sendAtOnce(socket)
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

// isForbiddenHost reports whether a host, as written, is an address that is never connected to.
func isForbiddenHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && isForbidden(ip)
}

// isForbidden reports whether an address is never connected to: link-local ones, among them the metadata services of
// clouds, the unspecified one, multicast and broadcast; also when an IPv4 address of that kind hides in IPv6
// (RFC 4291 section 2.5.5, RFC 6052, RFC 7915, RFC 3056).
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
		b := ip.As16() // fd00:ec2::/32 of AWS: metadata, Pod Identity; fd20:ce::254 of Google
		return [4]byte(b[:4]) == [4]byte{0xfd, 0, 0x0e, 0xc2} || b == [16]byte{0: 0xfd, 1: 0x20, 3: 0xce, 14: 0x02, 15: 0x54}
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
	case [12]byte(b[:12]) == [12]byte{8: 0xff, 9: 0xff}: // IPv4-translated
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
