package policy

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"authsome"
)

// Host is what a policy says about one host. A nil Host says nothing. It is safe for concurrent use.
type Host struct {
	policy    *Policy
	name      string // host, and port where it is not the scheme's own
	deny      []Rule
	allow     [][]Rule // a request must meet one of each
	readOnly  bool
	safe      []Target
	unsafe    []Target // of these GET is no safer than POST
	unmatched *Denial

	byPath, byMethod bool // what must be known of a request
	inspects         bool

	recent atomic.Pointer[verdict]
}

// verdict is what the rules say about requests of one method and path. Clients repeat themselves, so that of the last
// request is remembered.
type verdict struct {
	method, path string
	denial       *Denial
}

// survey finds out what must be known of a request to decide about it.
func (h *Host) survey() {
	h.byMethod = h.readOnly
	h.byPath = slices.ContainsFunc(h.safe, Target.HasPath) || slices.ContainsFunc(h.unsafe, Target.HasPath)
	for _, rules := range append([][]Rule{h.deny}, h.allow...) {
		for _, r := range rules {
			h.byPath = h.byPath || r.paths
			h.byMethod = h.byMethod || len(r.methods) > 0
		}
	}
	// What is refused as a whole, or allowed as a whole, can be decided without looking inside.
	if h.Tunnel() != nil {
		return
	}
	h.inspects = len(h.deny) > 0 || slices.ContainsFunc(h.allow, func(rules []Rule) bool {
		return !slices.ContainsFunc(rules, Rule.isWhole)
	})
}

// Inspects reports whether single requests to the host must be seen: one may be let through and another may not. That
// requests are to change nothing is no reason by itself, as it is said of the providers whose credentials are used.
func (h *Host) Inspects() bool { return h != nil && h.inspects }

// Tunnel decides about a connection to the host that nobody looks into.
func (h *Host) Tunnel() *Denial {
	if h == nil {
		return nil
	}
	if h.unmatched != nil {
		return h.unmatched
	}
	for _, r := range h.deny {
		if r.isWhole() {
			return h.denied(r, h.name)
		}
	}
	for i, rules := range h.allow {
		if len(rules) == 0 {
			return h.notAllowed(h.policy.cfg.Allow[i], h.name)
		}
	}
	return nil
}

// Check decides about a request, which gets the credential of ref; the zero Ref if it gets none. It returns nil if the
// request may go out.
func (h *Host) Check(r *http.Request, ref authsome.Ref) *Denial {
	if h == nil {
		return nil
	}
	if why := h.Judge(r); why != nil {
		return why
	}
	return h.policy.limiter.take(ref)
}

// Judge is Check without regard to rates.
func (h *Host) Judge(r *http.Request) *Denial {
	if h == nil {
		return nil
	}
	if h.unmatched != nil {
		return h.unmatched
	}
	method := strings.ToUpper(r.Method) // some servers fold the case of methods
	why := h.decide(method, r)
	if why != nil || !h.byMethod {
		return why
	}
	if h.readOnly && isUpgrade(r) {
		return h.notReadOnly("an upgrade of "+r.Method, r.URL.EscapedPath())
	}
	if action := changingAction(r.URL.RawQuery); h.readOnly && action != "" {
		return h.notReadOnly("the action "+action+" of "+r.Method, r.URL.EscapedPath())
	}
	for _, other := range overriding(r) {
		if why := h.decide(other, r); why != nil {
			return why
		}
	}
	return nil
}

// decide returns the verdict on a method and path.
func (h *Host) decide(method string, r *http.Request) *Denial {
	path := ""
	if h.byPath {
		path = r.URL.EscapedPath()
	}
	if v := h.recent.Load(); v != nil && v.method == method && v.path == path {
		return v.denial
	}
	v := &verdict{method: method, path: path, denial: h.rule(method, path)}
	h.recent.Store(v)
	return v.denial
}

// rule asks the rules.
func (h *Host) rule(method, path string) *Denial {
	var all [][]string
	if h.byPath {
		var ok bool
		if all, ok = readings(path); !ok {
			return h.ambiguous()
		}
	}
	what := method + " " + h.name + path
	for _, r := range h.deny {
		if r.denies(method, all) {
			return h.denied(r, what)
		}
	}
	for i, rules := range h.allow {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.allows(method, all) }) {
			return h.notAllowed(h.policy.cfg.Allow[i], what)
		}
	}
	if h.readOnly && !h.isSafe(method, all) {
		return h.notReadOnly(method, path)
	}
	return nil
}

// isSafe reports whether a request changes nothing: by its method (RFC 9110 section 9.2.1), or by what the definition of the
// provider says.
func (h *Host) isSafe(method string, all [][]string) bool {
	switch method {
	case http.MethodOptions:
		return true
	case http.MethodGet, http.MethodHead:
		if !slices.ContainsFunc(h.unsafe, func(t Target) bool { return t.matchesAny(all) }) {
			return true
		}
		fallthrough
	case http.MethodPost:
		return slices.ContainsFunc(h.safe, func(t Target) bool { return t.matchesAll(all, false) })
	}
	return false
}
