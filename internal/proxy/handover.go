package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// A proxy between this one and the upstreams resolves names where this side cannot see to what, and may itself run on this
// machine, whose services it reaches. What the clients of a sandbox ask for is therefore looked at before it is handed over,
// and a proxy on this machine gets the address that was looked at in place of the name, which could lead elsewhere by then.

// errUnseen is the error of a name that nobody but a proxy on this machine can resolve.
var errUnseen = errors.New("only the proxy of the environment can resolve the name, and it runs on this machine")

const (
	lookupTimeout = 10 * time.Second
	// addressesTried bounds how many addresses of a name are tried, of which a name can have any number.
	addressesTried = 4
)

// lookup finds the addresses of a name, as [net.Resolver.LookupNetIP] does.
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// handOver returns what a proxy is asked for in place of an authority, in the order in which to try it. What is verified by
// its certificate is handed over by its name: a service of this machine is not taken for it, nor sent anything.
func (d *dialer) handOver(ctx context.Context, via *url.URL, a authority, verified bool) ([]authority, error) {
	if !d.contained {
		return []authority{a}, nil
	}
	if isLocalName(a.host) {
		return nil, errForbiddenAddress
	}
	if ip, err := netip.ParseAddr(a.host); err == nil {
		return []authority{a}, d.allowed(ip)
	}
	if verified {
		return []authority{a}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	here := !d.trustProxy && d.isHere(ctx, via)
	ips, err := d.lookup(ctx, "ip", a.host)
	if err != nil || len(ips) == 0 {
		if here {
			return nil, fmt.Errorf("%w: %w", errUnseen, errors.Join(err, ctx.Err()))
		}
		return []authority{a}, nil // its loopback is not ours, and it reaches no more of this machine than any other does
	}
	var seen []authority
	for _, ip := range ips {
		if err := d.allowed(ip); err != nil {
			return nil, err
		}
		seen = append(seen, authority{ip.Unmap().String(), a.port})
	}
	if here {
		return seen[:min(len(seen), addressesTried)], nil
	}
	return []authority{a}, nil
}

// allowed refuses the addresses that the clients of a sandbox must not be led to.
func (d *dialer) allowed(ip netip.Addr) error {
	if isForbidden(ip) || isThisMachine(ip) {
		return errForbiddenAddress
	}
	return nil
}

// isLocalName reports whether a name means this machine wherever it is resolved (RFC 6761 section 6.3), or is its own.
func isLocalName(host string) bool {
	own, err := os.Hostname()
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "localhost.localdomain" ||
		host == "ip6-localhost" || host == "ip6-loopback" || err == nil && strings.EqualFold(host, strings.TrimSuffix(own, "."))
}

// isHere reports whether a proxy may run on this machine: whether one of its addresses is this machine's, or none is known.
func (d *dialer) isHere(ctx context.Context, via *url.URL) bool {
	if ip, err := netip.ParseAddr(via.Hostname()); err == nil {
		return isThisMachine(ip)
	}
	ips, err := d.lookup(ctx, "ip", via.Hostname())
	if err != nil {
		return true
	}
	for _, ip := range ips {
		if isThisMachine(ip) {
			return true
		}
	}
	return len(ips) == 0
}

// dialHandedOver makes a tunnel to an authority through a proxy: to the first of the targets that can be reached.
func (d *dialer) dialHandedOver(ctx context.Context, via *url.URL, a authority, targets []authority) (conn net.Conn, err error) {
	for _, target := range targets {
		if conn, err = d.dialVia(ctx, via, target); err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	failed, ok := errors.AsType[*proxyError](err)
	if !ok {
		failed = &proxyError{err: err}
	}
	failed.proxy = via.Host
	return nil, fmt.Errorf("connect to %s: %w", a, failed)
}

// chosenVia is how a request that is not encrypted goes to its upstream. It is in the request's context, where the choice
// of a proxy leaves it for the dialing.
type chosenVia struct {
	address string      // of the proxy that is sent the request; empty: none is
	tunnel  *url.URL    // the proxy that is asked for a tunnel instead
	to      authority   // what the request is for
	targets []authority // to one of which the tunnel is to lead
}

// viaKey is in the context of requests that are not encrypted: an *atomic.Pointer[chosenVia].
type viaKey struct{}

func withVia(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), viaKey{}, new(atomic.Pointer[chosenVia])))
}

// chooseForPlain returns the proxy that is sent a request as it is. Where that would have to be an address in place of the
// name in the request, a tunnel to the address is asked for, and the request is sent there.
func (d *dialer) chooseForPlain(r *http.Request) (*url.URL, error) {
	via, err := d.proxy(r)
	place, ok := r.Context().Value(viaKey{}).(*atomic.Pointer[chosenVia])
	if err != nil || via == nil || !ok {
		return via, err
	}
	a, err := parseAuthority(r.URL.Host, schemePort("http"))
	if err != nil {
		return nil, err
	}
	targets, err := d.handOver(r.Context(), via, a, false)
	if err != nil {
		return nil, err
	}
	if len(targets) != 1 || targets[0] != a {
		place.Store(&chosenVia{tunnel: via, to: a, targets: targets})
		return nil, nil //nolint:nilnil // no proxy and no error: what http.Transport expects
	}
	at, err := parseAuthority(via.Host, proxyPort(via.Scheme))
	if err != nil {
		return nil, err
	}
	place.Store(&chosenVia{address: at.String()})
	return via, nil
}

// dialForPlain makes the connection for a request that is not encrypted, as [dialer.chooseForPlain] has chosen.
func (d *dialer) dialForPlain(ctx context.Context, network, address string) (net.Conn, error) {
	if place, ok := ctx.Value(viaKey{}).(*atomic.Pointer[chosenVia]); ok {
		switch chosen := place.Load(); {
		case chosen == nil:
		case chosen.tunnel != nil:
			return d.dialHandedOver(ctx, chosen.tunnel, chosen.to, chosen.targets)
		case strings.EqualFold(chosen.address, address):
			return d.trusted.DialContext(ctx, network, address)
		}
	}
	return d.DialContext(ctx, network, address)
}
