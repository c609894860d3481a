package authsome

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// HostPattern says to which requests a credential may be added. It matches https only (http only for loopback hosts
// that it names exactly, and only when it is written with "http://"), one port, hosts label by label, and paths below
// a prefix.
//
//	api.github.com           exactly this host, port 443
//	*.googleapis.com         any host with at least one label more, port 443
//	api.acme.test:8443       another port
//	slack.com/api            only paths /api and below
//	regex:api[0-9]\.acme\.io an expression (RE2) that the whole host matches; for old definitions
//
// The zero HostPattern matches nothing.
type HostPattern struct {
	source string
	scheme string
	host   string // lower case, without trailing dot; the suffix with its leading dot for a wildcard
	suffix bool
	expr   *regexp.Regexp
	port   string
	path   string // "" or "/a/b", without trailing slash
}

// ParseHostPattern parses a pattern as written in a definition: a host, or a URL with a path prefix.
func ParseHostPattern(s string) (HostPattern, error) {
	p := HostPattern{source: s, scheme: "https"}
	fail := func(why string) (HostPattern, error) {
		return HostPattern{}, fmt.Errorf("host pattern %q: %s", s, why)
	}
	rest := strings.TrimSpace(s)
	if expr, ok := strings.CutPrefix(rest, "regex:"); ok {
		re, err := regexp.Compile(`\A(?i:` + expr + `)\z`)
		if err != nil {
			return fail(err.Error())
		}
		p.expr, p.port = re, "443"
		return p, nil
	}
	if scheme, after, ok := strings.Cut(rest, "://"); ok {
		p.scheme, rest = strings.ToLower(scheme), after
		if p.scheme != "https" && p.scheme != "http" {
			return fail("the scheme must be https")
		}
	}
	host, path, _ := strings.Cut(rest, "/")
	if path != "" {
		p.path = "/" + strings.TrimRight(path, "/")
	}
	p.port = map[string]string{"https": "443", "http": "80"}[p.scheme]
	if h, port, err := net.SplitHostPort(host); err == nil {
		host, p.port = h, port
	}
	p.host = canonicalHost(strings.Trim(host, "[]"))
	if after, ok := strings.CutPrefix(p.host, "*."); ok {
		p.host, p.suffix = "."+after, true
	}
	switch {
	case p.host == "" || p.host == ".":
		return fail("there is no host")
	case strings.ContainsAny(p.host, "*/?#@%\\ "):
		return fail("a wildcard may only be the first label, as in *.example.com")
	case p.scheme == "http" && !isLoopbackHost(p.host):
		return fail("http is accepted for loopback hosts only")
	}
	return p, nil
}

// String returns the pattern as it was written.
func (p HostPattern) String() string { return p.source }

// Match reports whether a request for u is one the pattern means.
func (p HostPattern) Match(u *url.URL) bool {
	return p.source != "" && p.MatchHost(u.Scheme, u.Hostname(), u.Port()) && p.matchPath(u)
}

// MatchHost compares everything but the path. An empty port means the scheme's own.
func (p HostPattern) MatchHost(scheme, host, port string) bool {
	if p.source == "" || !strings.EqualFold(scheme, p.scheme) {
		return false
	}
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[p.scheme]
	}
	if port != p.port {
		return false
	}
	host = canonicalHost(host)
	switch {
	case p.expr != nil:
		return p.expr.MatchString(host)
	case p.suffix:
		return len(host) > len(p.host) && strings.HasSuffix(host, p.host) && validLabels(host)
	default:
		return host == p.host
	}
}

func (p HostPattern) matchPath(u *url.URL) bool {
	if p.path == "" {
		return true
	}
	path := u.EscapedPath()
	return path == p.path || strings.HasPrefix(path, p.path+"/")
}

// MatchAny reports whether one of the patterns matches u.
func MatchAny(patterns []HostPattern, u *url.URL) bool {
	for _, p := range patterns {
		if p.Match(u) {
			return true
		}
	}
	return false
}

// canonicalHost folds what DNS folds: case and the dot of the root.
func canonicalHost(h string) string { return strings.TrimSuffix(strings.ToLower(h), ".") }

func validLabels(h string) bool {
	for _, r := range h {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_') {
			return false
		}
	}
	return !strings.Contains(h, "..") && !strings.HasPrefix(h, ".")
}

func isLoopbackHost(h string) bool {
	ip := net.ParseIP(h)
	return h == "localhost" || ip != nil && ip.IsLoopback()
}
