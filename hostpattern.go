package authsome

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
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
//	github.com/*/*/info/refs '*' stands for one segment, whatever it is
//	regex:api[0-9]\.acme\.io an expression (RE2) that the whole host matches; for old definitions
//
// A host is compared as DNS compares it: without regard to case and to the dot of the root. Names outside ASCII are
// neither accepted in a pattern nor matched in a request; write the A-label of RFC 5890 instead.
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
	folded string // path as Covers compares it
}

// ParseHostPattern parses a pattern as written in a definition: a host, or a URL with a path prefix.
func ParseHostPattern(s string) (HostPattern, error) {
	p, err := parseHostPattern(s)
	if err != nil {
		return HostPattern{}, fmt.Errorf("host pattern %q: %w", s, err)
	}
	return p, nil
}

func parseHostPattern(s string) (HostPattern, error) {
	p := HostPattern{source: s, scheme: "https"}
	if expr, ok := strings.CutPrefix(s, "regex:"); ok {
		return p.withExpression(expr)
	}
	rest := s
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		p.scheme, rest = strings.ToLower(scheme), after
		if p.scheme != "https" && p.scheme != "http" {
			return p, errors.New("the scheme must be https")
		}
	}
	for _, r := range rest {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`?#@%\;`, r) {
			return p, fmt.Errorf("%q is not allowed in it", r)
		}
	}
	authority, path, _ := strings.Cut(rest, "/")
	if path = strings.TrimRight(path, "/"); path != "" {
		p.path = "/" + path
	}
	if ambiguousPath(p.path) || strings.Contains(p.path, "//") {
		return p, errors.New("the path prefix must not have empty or dot segments")
	}
	for segment := range strings.SplitSeq(p.path, "/") {
		if segment != "*" && strings.Contains(segment, "*") {
			return p, errors.New("a wildcard must be a whole segment of the path")
		}
	}
	p.folded = foldPath(p.path)
	return p.withAuthority(authority)
}

// EndpointPattern returns the pattern of an endpoint and everything below it, whatever its query; of one without a path,
// that is the whole host. It is meant for [HostPattern.Covers].
func EndpointPattern(u *url.URL) (HostPattern, error) {
	path := strings.TrimRight(u.EscapedPath(), "/")
	p := HostPattern{
		source: u.Scheme + "://" + u.Host + path,
		scheme: strings.ToLower(u.Scheme),
		path:   path,
		folded: foldPath(path),
	}
	if p.scheme != "https" && p.scheme != "http" {
		return HostPattern{}, fmt.Errorf("endpoint %s: the scheme must be https", p.source)
	}
	p, err := p.withAuthority(u.Host)
	if err != nil {
		return HostPattern{}, fmt.Errorf("endpoint %s: %w", p.source, err)
	}
	return p, nil
}

func (p HostPattern) withExpression(expr string) (HostPattern, error) {
	// Compiled by itself first: an expression with an unbalanced parenthesis must not reach outside the group.
	if _, err := regexp.Compile(expr); err != nil {
		return p, err
	}
	re, err := regexp.Compile(`\A(?i:` + expr + `)\z`)
	if err != nil {
		return p, err
	}
	p.expr, p.port = re, defaultPort(p.scheme)
	return p, nil
}

func (p HostPattern) withAuthority(authority string) (HostPattern, error) {
	host, port, err := splitAuthority(authority)
	if err != nil {
		return p, err
	}
	if p.port = port; p.port == "" {
		p.port = defaultPort(p.scheme)
	}
	p.host = canonicalHost(host)
	labels := p.host
	if after, ok := strings.CutPrefix(p.host, "*."); ok {
		p.host, p.suffix, labels = "."+after, true, after
	}
	switch {
	case labels == "":
		return p, errors.New("there is no host")
	case strings.Contains(labels, "*"):
		return p, errors.New("a wildcard may only be the first label, as in *.example.com")
	case !validLabels(labels) && !isIP(labels):
		return p, errors.New("that is not a host name")
	case p.suffix && isIP(labels):
		return p, errors.New("a wildcard cannot stand before an IP address")
	case p.scheme == "http" && !IsLoopbackHost(p.host):
		return p, errors.New("http is accepted for loopback hosts only")
	}
	return p, nil
}

// splitAuthority separates host, without brackets, and port in its shortest form, which may be empty.
func splitAuthority(authority string) (host, port string, err error) {
	host = authority
	if strings.HasSuffix(authority, "]") || !strings.Contains(authority, ":") {
		if inner, ok := strings.CutPrefix(authority, "["); ok {
			host = strings.TrimSuffix(inner, "]")
			if !strings.Contains(host, ":") {
				return "", "", errors.New("brackets are for IPv6 addresses")
			}
		}
		return host, "", nil
	}
	if host, port, err = net.SplitHostPort(authority); err != nil {
		return "", "", fmt.Errorf("malformed host and port %q", authority)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", "", fmt.Errorf("the port must be a number from 1 to 65535, got %q", port)
	}
	return host, strconv.FormatUint(n, 10), nil
}

// String returns the pattern as it was written.
func (p HostPattern) String() string { return p.source }

// Host returns the host that the pattern names, in canonical form; for a wildcard, the name below which it matches.
// It is empty for an expression.
func (p HostPattern) Host() string { return strings.TrimPrefix(p.host, ".") }

// IsWildcard reports whether the pattern matches all hosts below Host, but not Host itself.
func (p HostPattern) IsWildcard() bool { return p.suffix }

// Expression returns the expression of a "regex:" pattern, which is matched in full and without regard to case. It is
// empty for other patterns.
func (p HostPattern) Expression() string {
	expr, _ := strings.CutPrefix(p.source, "regex:")
	if p.expr == nil {
		return ""
	}
	return expr
}

// Match reports whether a request for u is one the pattern means. It is strict: a URL with user information or an
// opaque part does not match, and a pattern with a path prefix does not match a path that a server may read in more
// than one way, such as one with dot segments, encoded or not (RFC 3986 section 5.2.4).
func (p HostPattern) Match(u *url.URL) bool {
	if u.User != nil || u.Opaque != "" || !p.MatchHost(u.Scheme, u.Hostname(), u.Port()) {
		return false
	}
	if p.path == "" {
		return true
	}
	path := u.EscapedPath()
	return isBelow(path, p.path) && !ambiguousPath(path)
}

// Covers is Match for patterns that forbid: it is as broad as a server may be. The path is decoded, its dot segments
// and repeated slashes are resolved, parameters after a semicolon and differences of case are ignored, and a
// suffix after a dot counts as below the prefix, as does what follows an encoded '?' or '#'.
func (p HostPattern) Covers(u *url.URL) bool {
	if !p.MatchHost(u.Scheme, u.Hostname(), u.Port()) {
		return false
	}
	if p.path == "" || u.Opaque != "" {
		return true
	}
	return slices.ContainsFunc(foldPaths(u.EscapedPath()), func(path string) bool {
		return isBelow(path, p.folded) || strings.HasPrefix(path, p.folded+".")
	})
}

// MatchHost compares everything but the path. An empty port means the scheme's own.
func (p HostPattern) MatchHost(scheme, host, port string) bool {
	if p.source == "" || !strings.EqualFold(scheme, p.scheme) {
		return false
	}
	if port == "" {
		port = defaultPort(p.scheme)
	}
	if port != p.port || !isASCII(host) {
		return false
	}
	host = canonicalHost(host)
	switch {
	case p.expr != nil:
		return validLabels(host) && p.expr.MatchString(host)
	case p.suffix:
		return len(host) > len(p.host) && strings.HasSuffix(host, p.host) && validLabels(host)
	default:
		return host == p.host
	}
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

// CoversAny reports whether one of the patterns covers u.
func CoversAny(patterns []HostPattern, u *url.URL) bool {
	for _, p := range patterns {
		if p.Covers(u) {
			return true
		}
	}
	return false
}
