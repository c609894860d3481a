package policy

import (
	"slices"
	"time"
)

// Config is what a [Policy] is made of. The zero value restricts nothing.
type Config struct {
	Deny []Rule
	// Allow holds the lists of what is allowed, one of each origin. An empty list is none.
	Allow [][]Rule
	// ReadOnly says where it stands that requests are to change nothing; empty: they may.
	ReadOnly string
	// SafePosts are requests that change nothing although their method is POST.
	SafePosts []Target
	// UnsafeGets are requests that count as POST although their method is GET.
	UnsafeGets []Target
	// NoUnmatched says where it stands that hosts of no connected provider are refused; empty: they are not.
	NoUnmatched string
	Rates       []Rate
	Now         func() time.Time // nil means time.Now
}

// Policy is what one run may do. A nil Policy restricts nothing. It is safe for concurrent use.
type Policy struct {
	cfg     Config
	limiter *limiter
}

// New returns a policy; nil if the configuration restricts nothing.
func New(cfg Config) *Policy {
	cfg.Allow = slices.DeleteFunc(slices.Clone(cfg.Allow), func(l []Rule) bool { return len(l) == 0 })
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if len(cfg.Deny) == 0 && len(cfg.Allow) == 0 && cfg.ReadOnly == "" && cfg.NoUnmatched == "" && len(cfg.Rates) == 0 {
		return nil
	}
	return &Policy{cfg: cfg, limiter: &limiter{rates: cfg.Rates, now: cfg.Now}}
}

// Renew returns the policy of another configuration. If it has the same rates, what has been counted goes on counting.
func (p *Policy) Renew(cfg Config) *Policy {
	next := New(cfg)
	same := func(a, b Rate) bool { return a.Provider == b.Provider && a.Requests == b.Requests && a.Per == b.Per }
	if p != nil && next != nil && slices.EqualFunc(p.cfg.Rates, next.cfg.Rates, same) {
		next.limiter = p.limiter
	}
	return next
}

// For returns what the policy says about one host, in canonical form, that is reached by a scheme, "http" or "https"; nil if
// it says nothing. routed reports that the host belongs to a connected provider.
func (p *Policy) For(scheme, host, port string, routed bool) *Host {
	if p == nil {
		return nil
	}
	h := &Host{policy: p, name: host, readOnly: p.cfg.ReadOnly != ""}
	own := "443"
	if scheme == "http" {
		own = "80"
	}
	if port != own {
		h.name += ":" + port
	}
	h.deny = about(p.cfg.Deny, host, port, anyPort)
	for _, list := range p.cfg.Allow {
		h.allow = append(h.allow, about(list, host, port, own))
	}
	if h.readOnly {
		h.safe, h.unsafe = about(p.cfg.SafePosts, host, port, own), about(p.cfg.UnsafeGets, host, port, anyPort)
	}
	if !routed && p.cfg.NoUnmatched != "" {
		h.unmatched = p.unmatched(h.name)
	}
	h.survey()
	if len(h.deny) == 0 && len(h.allow) == 0 && !h.readOnly && h.unmatched == nil && len(p.cfg.Rates) == 0 {
		return nil
	}
	return h
}

// about returns the rules, or targets, about a host. missing is the port of those that name none.
func about[T interface {
	matchHost(host, port, missing string) bool
}](list []T, host, port, missing string) []T {
	var out []T
	for _, t := range list {
		if t.matchHost(host, port, missing) {
			out = append(out, t)
		}
	}
	return out
}
