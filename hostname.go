package authsome

import (
	"net/netip"
	"strings"
)

// canonicalHost folds what DNS folds: case and the dot of the root. An IPv6 address gets the form of RFC 5952.
func canonicalHost(h string) string {
	h = strings.TrimSuffix(strings.ToLower(h), ".")
	if strings.Contains(h, ":") {
		if ip, err := netip.ParseAddr(h); err == nil {
			return ip.String()
		}
	}
	return h
}

// validLabels reports whether h, in lower case, consists of non-empty labels of letters, digits, '-' and '_'.
func validLabels(h string) bool {
	previous := '.'
	for _, r := range h {
		switch {
		case r == '.':
			if previous == '.' {
				return false
			}
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
		default:
			return false
		}
		previous = r
	}
	return previous != '.'
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func isIP(h string) bool {
	_, err := netip.ParseAddr(h)
	return err == nil
}

// IsLoopbackHost reports whether a host of a URL is this machine, so that plain http to it crosses no wire: localhost, or a
// loopback address.
func IsLoopbackHost(h string) bool {
	ip, err := netip.ParseAddr(h)
	return h == "localhost" || err == nil && ip.IsLoopback()
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}
