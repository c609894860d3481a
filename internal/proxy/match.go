package proxy

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"authsome"
	"authsome/internal/policy"
)

// route is a Route with the memory of its connection.
type route struct {
	Route
	slot *slot
}

// destination is where the requests of one client connection go, and what the routes say about it. But for the
// last verdict it does not change.
type destination struct {
	authority
	scheme   string
	field    string // the Host header field
	rules    []rule // in the order in which they are tried
	excluded []authsome.HostPattern
	byPath   bool   // the path makes a difference
	cover    *cover // what must not come back from here; nil: nothing goes there that must not
	policy   *policy.Host
	reveals  *policy.Host // denies what is answered with a new credential
	made     *ruleset     // what it was made of

	later atomic.Pointer[destination] // what newer rules say; see [Proxy.current]

	recent atomic.Pointer[verdict]
}

// verdict is what the rules say about a path. Clients repeat themselves, so that of the last request is remembered.
type verdict struct {
	path      string
	slot      *slot // whose credential the request gets; nil if none
	ambiguous bool

	allowed atomic.Pointer[kept] // the credential that has been found to allow the path
}

// judge returns what the rules say about the path of u, whose host is the destination's.
func (d *destination) judge(u *url.URL) *verdict {
	path := u.EscapedPath()
	if v := d.recent.Load(); v != nil && v.path == path {
		return v
	}
	v := &verdict{path: path, slot: d.slotFor(u), ambiguous: d.isAmbiguous(u)}
	d.recent.Store(v)
	return v
}

// allows reports whether a credential may be sent to u, which the verdict is about.
func (v *verdict) allows(k *kept, u *url.URL) bool {
	if v.allowed.Load() == k {
		return true
	}
	if !k.cred.Allows(u) {
		return false
	}
	v.allowed.Store(k)
	return true
}

// rule is one pattern of one route whose host matches.
type rule struct {
	pattern authsome.HostPattern
	prefix  string
	only    []policy.Target
	slot    *slot
}

// matches reports whether the rule is about u.
func (r rule) matches(u *url.URL) bool {
	return r.pattern.Match(u) && (len(r.only) == 0 || slices.ContainsFunc(r.only, func(t policy.Target) bool {
		return t.MatchPath(u.EscapedPath())
	}))
}

// destination returns what the routes say about an authority that is reached over TLS, or nil if no route names it and the
// policy need not see the requests to it.
func (p *Proxy) destination(a authority) *destination {
	rules := p.rules.Load()
	d := &destination{authority: a, scheme: "https", field: a.field("https"), made: rules}
	d.cover = p.memory.coverOf(rules.slotsAt(a))
	for _, r := range rules.routes {
		for _, h := range r.Hosts {
			only, concerned := narrowed(r.Only, a)
			if concerned && h.MatchHost(d.scheme, a.host, a.port) {
				d.rules = append(d.rules, rule{h, prefixOf(h), only, r.slot})
				d.byPath = d.byPath || prefixOf(h) != "" || len(only) > 0
			}
		}
		for _, h := range r.Excluded {
			if h.MatchHost(d.scheme, a.host, a.port) {
				d.excluded = append(d.excluded, h)
				d.byPath = true
			}
		}
	}
	d.policy = rules.policy.For(d.scheme, a.host, a.port, len(d.rules) > 0)
	d.reveals = rules.reveals.For(d.scheme, a.host, a.port, true)
	if len(d.rules) == 0 && d.cover == nil && (!d.policy.Inspects() || isForbiddenHost(a.host)) {
		return nil
	}
	slices.SortStableFunc(d.rules, func(a, b rule) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return d
}

// narrowed returns those targets that are about a host, and whether any is. Of none, all are: nothing has been narrowed.
func narrowed(all []policy.Target, a authority) (only []policy.Target, concerned bool) {
	for _, t := range all {
		if t.MatchHost(a.host, a.port) {
			only = append(only, t)
		}
	}
	return only, len(all) == 0 || len(only) > 0
}

// prefixOf returns the path that a pattern was written with.
func prefixOf(h authsome.HostPattern) string {
	s := h.String()
	if strings.HasPrefix(s, "regex:") {
		return ""
	}
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	_, path, _ := strings.Cut(s, "/")
	return strings.TrimRight(path, "/")
}

// plainDestination is where a request without TLS goes. No rule applies to it.
func (p *Proxy) plainDestination(a authority) *destination {
	rules := p.rules.Load()
	return &destination{
		authority: a, scheme: "http", field: a.field("http"), policy: rules.policy.For("http", a.host, a.port, false), made: rules,
	}
}

// namedByRoute reports whether a route names the host, on the port asked for or on the one of https.
func (p *Proxy) namedByRoute(a authority) bool {
	named := func(h authsome.HostPattern) bool {
		return h.MatchHost("https", a.host, a.port) || h.MatchHost("https", a.host, "443") ||
			h.MatchHost("http", a.host, a.port)
	}
	rules := p.rules.Load()
	has := func(r route) bool { return slices.ContainsFunc(r.Hosts, named) }
	return slices.ContainsFunc(rules.routes, has) || slices.ContainsFunc(rules.former, has)
}

// slotsAt returns the connections whose credentials go to a host, or have gone there, be it for some requests only.
func (r *ruleset) slotsAt(a authority) []*slot {
	var slots []*slot
	for _, list := range [][]route{r.routes, r.former} {
		for _, one := range list {
			if slices.ContainsFunc(one.Hosts, func(h authsome.HostPattern) bool { return h.MatchHost("https", a.host, a.port) }) {
				slots = append(slots, one.slot)
			}
		}
	}
	return slots
}

// slotFor returns the connection whose credential a request gets, or nil if it gets none.
func (d *destination) slotFor(u *url.URL) *slot {
	if authsome.CoversAny(d.excluded, u) {
		return nil
	}
	for _, r := range d.rules {
		if r.matches(u) {
			return r.slot
		}
	}
	return nil
}

// isAmbiguous reports whether a server that decodes, merges or resolves what this proxy compares as it is could
// understand the path as one that other rules are for. Where no path is ruled, none is ambiguous.
func (d *destination) isAmbiguous(u *url.URL) bool {
	if !d.byPath || isPlain(u.EscapedPath()) {
		return false
	}
	plain, sure := normalise(u.EscapedPath())
	return !sure || !utf8.ValidString(plain) || d.slotFor(&url.URL{Scheme: u.Scheme, Host: u.Host, Path: plain}) != d.slotFor(u)
}

// rulesPaths reports whether anything depends on the path of a request.
func (d *destination) rulesPaths() bool { return d.byPath || d.policy != nil || d.reveals != nil }

// isPlain reports whether every server reads the path as it is written.
func isPlain(path string) bool {
	return !strings.ContainsAny(path, "%;\\") && !strings.Contains(path, "//") && !strings.Contains(path, "/.")
}

// normalise returns the path as the most obliging server would read it: decoded as often as it can be, with backslashes
// taken for slashes, repeated slashes for one, and parameters (RFC 3986 section 3.3) cut off. It is sure unless there are dot
// segments, or more to decode.
func normalise(path string) (plain string, sure bool) {
	decoded, sure := authsome.DecodePath(path)
	var b strings.Builder
	for segment := range strings.FieldsFuncSeq(decoded, func(r rune) bool { return r == '/' || r == '\\' }) {
		segment, _, _ = strings.Cut(segment, ";")
		segment = strings.TrimRight(segment, " \t\r\n\x00")
		if segment == "." || segment == ".." {
			sure = false
		}
		if segment != "" {
			b.WriteByte('/')
			b.WriteString(segment)
		}
	}
	return b.String(), sure
}
