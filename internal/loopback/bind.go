package loopback

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"

	"authsome"
)

const (
	ipv4 = "127.0.0.1"
	ipv6 = "::1"
	// portAttempts is how many free ports are tried until one is free on both loopback addresses.
	portAttempts = 10
)

// Windows reports these instead of their POSIX namesakes; no other system has errors of these numbers.
const (
	wsaAccess       = syscall.Errno(10013)
	wsaAddressInUse = syscall.Errno(10048)
)

// binding is where a redirect endpoint listens and how its URI writes that.
type binding struct {
	listeners []net.Listener
	host      string // host:port as a browser sends it
}

// bind listens as the redirect says. https-only redirects have nothing to listen for.
func bind(r authsome.Redirect) (binding, error) {
	switch r.Kind {
	case "", authsome.RedirectLoopbackIP:
		return bindIP()
	case authsome.RedirectLocalhost:
		return bindLocalhost(0)
	case authsome.RedirectFixedPort:
		return bindFixed(r.Host, r.Port)
	default:
		return binding{}, fmt.Errorf("a redirect URI of kind %q is not on this computer", r.Kind)
	}
}

// bindIP takes a free port, of IPv4 if this computer has it (RFC 8252 section 7.3).
func bindIP() (binding, error) {
	l, err := listen(ipv4, 0)
	if err != nil {
		var err6 error
		if l, err6 = listen(ipv6, 0); err6 != nil {
			return binding{}, errors.Join(err, err6)
		}
	}
	return binding{[]net.Listener{l}, l.Addr().String()}, nil
}

// bindLocalhost takes a port, any if zero, on every loopback address there is: a browser may turn "localhost" into
// either, and what is not ours there could be somebody else's.
func bindLocalhost(port int) (binding, error) {
	var err error
	for range portAttempts {
		var b binding
		if b, err = bindBoth(port); err == nil {
			return b, nil
		}
		if port != 0 || !taken(err) {
			break
		}
	}
	return binding{}, err
}

func bindBoth(port int) (binding, error) {
	l4, err4 := listen(ipv4, port)
	if err4 != nil && taken(err4) {
		return binding{}, err4
	}
	if err4 == nil {
		port = portOf(l4)
	}
	l6, err6 := listen(ipv6, port)
	switch {
	case err4 == nil && err6 == nil:
		return binding{[]net.Listener{l4, l6}, hostPort("localhost", port)}, nil
	case err4 == nil && taken(err6):
		return binding{}, errors.Join(err6, l4.Close())
	case err4 == nil:
		return binding{[]net.Listener{l4}, hostPort("localhost", port)}, nil
	case err6 == nil:
		return binding{[]net.Listener{l6}, hostPort("localhost", portOf(l6))}, nil
	default:
		return binding{}, errors.Join(err4, err6)
	}
}

// bindFixed takes the one port that is registered at the provider.
func bindFixed(host string, port int) (binding, error) {
	if host == "" {
		host = ipv4
	}
	if port < 1 || port > 65535 {
		return binding{}, fmt.Errorf("%d is no port", port)
	}
	if strings.EqualFold(host, "localhost") {
		return bindLocalhost(port)
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	if ip == nil || !ip.IsLoopback() {
		return binding{}, fmt.Errorf("%s is no loopback address", host)
	}
	l, err := listen(ip.String(), port)
	if err != nil {
		return binding{}, err
	}
	return binding{[]net.Listener{l}, hostPort(ip.String(), port)}, nil
}

func listen(ip string, port int) (net.Listener, error) { return net.Listen("tcp", hostPort(ip, port)) }

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// taken reports whether a port could not be had because of somebody else, rather than for want of the address family.
func taken(err error) bool {
	for _, e := range []error{syscall.EADDRINUSE, syscall.EACCES, wsaAddressInUse, wsaAccess} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
