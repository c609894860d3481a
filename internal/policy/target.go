package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"authsome"
)

// anyPort stands in a target for every port, and in [Target.matchHost] for a rule that does not care.
const anyPort = "*"

// Target says which requests a rule is about: a host, and perhaps a port and a path.
//
//	api.github.com              this host, every path
//	*.googleapis.com            every host below that domain
//	*                           every host
//	api.acme.test:8443          this port
//	api.github.com/user         exactly this path
//	api.github.com/repos/*/*    '*' stands for any part of one segment
//	api.github.com/repos/**     '**' stands for any number of segments, none included
//
// The zero Target is about nothing.
type Target struct {
	text  string
	host  string // canonical; empty for every host
	below bool   // hosts below host, and not host itself
	port  string // empty if none was written
	path  []string
	paths bool // a path was written
}

// ParseTarget parses a target.
func ParseTarget(s string) (Target, error) {
	t, err := parseTarget(s)
	if err != nil {
		return Target{}, fmt.Errorf("%q: %w", s, err)
	}
	return t, nil
}

func parseTarget(s string) (Target, error) {
	t := Target{text: s}
	switch {
	case s == "":
		return t, errors.New("there is no host")
	case strings.Contains(s, "://"):
		return t, errors.New("write host/path, without a scheme")
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return t, errors.New("a host and path have no spaces in them")
	}
	authority, path, hasPath := strings.Cut(s, "/")
	var err error
	if hasPath {
		t.paths = true
		if t.path, err = parsePath(path); err != nil {
			return t, err
		}
	}
	return t.withAuthority(authority)
}

func (t Target) withAuthority(authority string) (Target, error) {
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port = authority[:i], authority[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if port != anyPort && (err != nil || n == 0 || strconv.FormatUint(n, 10) != port) {
			return t, errors.New("the port must be a number from 1 to 65535, or *")
		}
	}
	t.port = port
	if host == "*" || host == "**" {
		return t, nil
	}
	// The same reader as for the hosts of definitions, so that both mean the same by the same words.
	p, err := authsome.ParseHostPattern(host)
	if err != nil {
		return t, errors.Unwrap(err)
	}
	if t.host, t.below = p.Host(), p.IsWildcard(); t.host == "" {
		return t, errors.New("there is no host")
	}
	if ip, err := netip.ParseAddr(t.host); err == nil {
		t.host = ip.Unmap().String() // as requests are told apart
	}
	return t, nil
}

// parsePath reads what follows the first slash.
func parsePath(s string) ([]string, error) {
	if s == "" {
		return nil, errors.New("nothing follows the slash: leave it out, or write /** for every path")
	}
	if strings.ContainsAny(s, `?#;\`) {
		return nil, errors.New(`a path in a rule has no '?', '#', ';' or '\' in it`)
	}
	segments, ok := literal(s)
	if !ok || len(segments) == 0 {
		return nil, errors.New("a path in a rule has no empty, '.' or '..' segments, and is encoded once at most")
	}
	for _, segment := range segments {
		if segment != "**" && strings.Contains(segment, "**") {
			return nil, errors.New("'**' must be a whole segment")
		}
	}
	return segments, nil
}

// String returns the target as it was written.
func (t Target) String() string { return t.text }

// HasPath reports whether the target is about some paths only.
func (t Target) HasPath() bool { return t.paths }

// MatchHost reports whether the target is about a host, in canonical form, and port. A target without a port is about the
// one of https.
func (t Target) MatchHost(host, port string) bool { return t.matchHost(host, port, "443") }

// matchHost compares host and port. missing is the port that is meant where none was written.
func (t Target) matchHost(host, port, missing string) bool {
	want := t.port
	if want == "" {
		want = missing
	}
	if t.text == "" || want != anyPort && want != port {
		return false
	}
	switch {
	case t.host == "":
		return true
	case t.below:
		return len(host) > len(t.host)+1 && strings.HasSuffix(host, t.host) && host[len(host)-len(t.host)-1] == '.'
	default:
		return host == t.host
	}
}

// MatchPath reports whether the target is about an escaped path, without regard to case. A path that can be read in several
// ways must match in each.
func (t Target) MatchPath(escaped string) bool {
	if !t.paths {
		return true
	}
	all, ok := readings(escaped)
	return ok && t.matchesAll(all, true)
}

// matchesAll reports whether every reading of a path matches.
func (t Target) matchesAll(all [][]string, fold bool) bool {
	for _, r := range all {
		if t.paths && !matchSegments(t.path, r, segmentMatcher(fold, false)) {
			return false
		}
	}
	return true
}

// matchesAny reports whether a reading of a path matches, as broadly as a server may be: without regard to case, and with a
// suffix such as ".json" after the last segment.
func (t Target) matchesAny(all [][]string) bool {
	if !t.paths {
		return true
	}
	for _, r := range all {
		if matchSegments(t.path, r, segmentMatcher(true, true)) {
			return true
		}
	}
	return false
}

// Host returns the host, in canonical form, or for a wildcard the name below which hosts are meant; empty: every host is.
func (t Target) Host() string { return t.host }

// IsWildcard reports whether hosts below Host are meant, and not Host itself.
func (t Target) IsWildcard() bool { return t.below }

// Port returns the port that was written; empty: none was.
func (t Target) Port() string { return t.port }
