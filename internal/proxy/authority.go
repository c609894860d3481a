package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// authority is a host and a port in canonical form: equal authorities are the same place.
type authority struct {
	host string // lower case, without trailing dot; an IP address without brackets
	port string
}

// String returns host:port, with brackets around an IPv6 address.
func (a authority) String() string { return net.JoinHostPort(a.host, a.port) }

// field returns the authority as a Host header field: without the scheme's own port.
func (a authority) field(scheme string) string {
	if a.port != schemePort(scheme) {
		return a.String()
	}
	if strings.Contains(a.host, ":") {
		return "[" + a.host + "]"
	}
	return a.host
}

func schemePort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

// parseAuthority reads host[:port] (RFC 3986 section 3.2) strictly. An empty port takes the place of defaultPort; when
// that is empty too, the port is required.
func parseAuthority(s, defaultPort string) (authority, error) {
	host, port, err := splitAuthority(s, defaultPort)
	if err != nil {
		return authority{}, fmt.Errorf("invalid authority %q: %w", s, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return authority{}, fmt.Errorf("invalid authority %q: the port is not a number from 1 to 65535", s)
	}
	if host, err = canonicalHost(host); err != nil {
		return authority{}, fmt.Errorf("invalid authority %q: %w", s, err)
	}
	return authority{host, port}, nil
}

func splitAuthority(s, defaultPort string) (host, port string, err error) {
	host, port = s, defaultPort
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if !ok || !strings.Contains(inner, ":") {
			return "", "", errors.New("unbalanced brackets")
		}
		return inner, port, nil
	}
	if strings.Contains(host, ":") {
		return "", "", errors.New("an IPv6 address needs brackets")
	}
	return host, port, nil
}

// canonicalHost folds what names the same host and refuses what different readers take for different hosts: numbers
// that are no dotted address (0x7f.1, 2130706433, 0177.0.0.1), zones, and bytes that are in no DNS name.
func canonicalHost(host string) (string, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return "", errors.New("an address with a zone")
		}
		return ip.Unmap().String(), nil // what is mapped (RFC 4291 section 2.5.5.2) is reached at the IPv4 address
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "" || len(host) > 253 {
		return "", errors.New("the host is empty or too long")
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, isNotOfName) {
			return "", errors.New("the host is no DNS name")
		}
		last = label
	}
	if isNumeric(last) {
		return "", errors.New("the host ends in a number and is no IP address")
	}
	return host, nil
}

func isNotOfName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// isNumeric reports whether some reader takes a last label for a part of an IPv4 address.
func isNumeric(label string) bool {
	hex, isHex := strings.CutPrefix(label, "0x")
	if isHex && strings.Trim(hex, "0123456789abcdef") == "" {
		return true
	}
	return strings.Trim(label, "0123456789") == ""
}
