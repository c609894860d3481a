package proxy

import (
	"net/http"

	"authsome"
	"authsome/internal/policy"
)

// obey asks the policy about a request. Nothing has been said to anybody yet.
func (x *exchange) obey() *refusal {
	var ref authsome.Ref
	if x.rule.slot != nil {
		ref = x.rule.slot.ref
	}
	why := x.d.policy.Check(x.in, ref)
	if why == nil {
		return nil
	}
	r := byPolicy(why)
	r.ref, r.Provider, r.Connection = ref, ref.Provider, ref.Connection
	return r
}

// byPolicy makes the refusal of what the policy denies.
func byPolicy(d *policy.Denial) *refusal {
	r := refuse(d.Status, d.Reason, "%s", d.Message)
	r.Rule, r.RuleAt = d.Rule, d.At
	if r.Kind == authsome.KindDenied {
		r.Hint = policy.Advice
	}
	if d.RetryAfter > 0 {
		r.Hint = policy.AdviceToWait
		r.RetryAfter = policy.Seconds(d.RetryAfter)
	}
	return r
}

// refuseTunnel says why nothing may be tunnelled to a target, or nil.
func (p *Proxy) refuseTunnel(target authority) *refusal {
	if isForbiddenHost(target.host) {
		return unreachable(target, errForbiddenAddress)
	}
	if why := p.rules.Load().policy.For("https", target.host, target.port, false).Tunnel(); why != nil {
		return byPolicy(why)
	}
	return nil
}

// refusePlain says why no request may go to a target that is not encrypted, or nil.
func (p *Proxy) refusePlain(target authority) *refusal {
	if p.namedByRoute(target) {
		return refuse(http.StatusForbidden, "cleartext",
			"%s belongs to a connected provider and is only reached over https", target.host)
	}
	if isForbiddenHost(target.host) {
		return unreachable(target, errForbiddenAddress)
	}
	return nil
}
