package proxy

import (
	"slices"

	"authsome"
	"authsome/internal/policy"
)

// ruleset is what a proxy goes by. It does not change, but another one can take its place.
type ruleset struct {
	routes  []route
	former  []route // that there were before, and are no more: what has gone there can come back
	policy  *policy.Policy
	reveals *policy.Policy // denies what is answered with a new credential
}

func (p *Proxy) ruleset(routes []Route, bounds *policy.Policy, newCredentials []policy.Rule) *ruleset {
	return &ruleset{
		routes: p.memory.routes(routes), policy: bounds, reveals: policy.New(policy.Config{Deny: newCredentials}),
	}
}

// Extend has the proxy go by other routes than before: those of connections that there are now. They take the place of the
// configuration's Routes, Policy and NewCredentials. The next request counts, be it on a connection that is open: one that has
// been passed on unseen to a host of a new route ends, so that the program opens another, and so does what is open with a
// connection of which nothing was covered and something is now. So does a tunnel that would be refused. Calls must not overlap.
func (p *Proxy) Extend(routes []Route, bounds *policy.Policy, newCredentials []policy.Rule) {
	next := p.ruleset(routes, bounds, newCredentials)
	next.former = former(p.rules.Load(), next.routes)
	p.rules.Store(next)
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.clients {
		to := c.through.Load()
		if to != nil && (p.destination(*to) != nil || p.isCleartext(*to) || p.refuseTunnel(*to) != nil) {
			c.hangUp()
		}
	}
}

// current returns what the rules of now say about a destination.
func (p *Proxy) current(d *destination) *destination {
	rules := p.rules.Load()
	if d.made == rules {
		return d
	}
	if later := d.later.Load(); later != nil && later.made == rules {
		return later
	}
	later := p.destination(d.authority)
	if later == nil { // nothing is left that is said about it
		later = &destination{authority: d.authority, scheme: d.scheme, field: d.field, made: rules}
	}
	d.later.Store(later)
	return later
}

// former returns the routes of old rules that new ones do not have.
func former(old *ruleset, routes []route) []route {
	var kept []route
	for _, r := range slices.Concat(old.former, old.routes) {
		same := func(other route) bool {
			return other.slot == r.slot && slices.EqualFunc(other.Hosts, r.Hosts, func(a, b authsome.HostPattern) bool {
				return a.String() == b.String()
			})
		}
		if !slices.ContainsFunc(routes, same) && !slices.ContainsFunc(kept, same) {
			kept = append(kept, r)
		}
	}
	return kept
}
