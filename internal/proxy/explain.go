package proxy

import (
	"context"
	"net/http"
	"sync"

	"authsome"
)

// Outcome is what becomes of a request.
type Outcome string

// What may become of a request.
const (
	Injected  Outcome = "injected"  // it goes out with a credential
	Passed    Outcome = "passed"    // it goes out as it is
	Tunnelled Outcome = "tunnelled" // its connection is passed on, and nobody sees the request
	Refused   Outcome = "refused"
)

// Explanation says what would become of a request and why.
type Explanation struct {
	Outcome Outcome
	Ref     authsome.Ref // whose credential it would get
	Pattern string       // of the definition: what makes it one of the provider's
	Only    string       // what narrows the choice of the connection; may be empty

	// Decrypted: the connection would be, although the request gets no credential.
	Decrypted bool
	// Own: the request is for one of the provider's own OAuth endpoints, which get no credential.
	Own bool

	// The rest is set if Outcome is Refused.
	Status  int
	Kind    authsome.Kind
	Reason  string
	Message string
	Rule    string // of the policy
	RuleAt  string // where it stands
}

// Explain says what a proxy of this configuration would do with a request that a client sends for r.URL. It asks for no
// credential, and sends nothing. Only Routes and Policy matter.
func Explain(cfg Config, r *http.Request) Explanation {
	p := &Proxy{cfg: cfg}
	p.memory = newMemory(context.Background(), &sync.WaitGroup{}, nil, nil)
	p.rules.Store(p.ruleset(cfg.Routes, cfg.Policy, cfg.NewCredentials))
	target, err := parseAuthority(r.URL.Host, schemePort(r.URL.Scheme))
	if err != nil {
		return refusedBecause(refuse(http.StatusBadRequest, "invalid_authority", "%v", err))
	}
	if r.URL.Scheme == "http" {
		if why := p.refusePlain(target); why != nil {
			return refusedBecause(why)
		}
		return p.explain(r, p.plainDestination(target))
	}
	if d := p.destination(target); d != nil {
		return p.explain(r, d)
	}
	if why := p.refuseTunnel(target); why != nil {
		return refusedBecause(why)
	}
	return Explanation{Outcome: Tunnelled}
}

// explain says what becomes of a request that can be seen.
func (p *Proxy) explain(r *http.Request, d *destination) Explanation {
	x := &exchange{p: p, in: r, d: d}
	why := x.check()
	e := Explanation{Outcome: Passed}
	if why != nil {
		e = refusedBecause(why)
	}
	e.Decrypted = d.scheme == "https"
	if x.rule == nil {
		return e
	}
	if x.rule.slot == nil {
		e.Own = authsome.CoversAny(d.excluded, r.URL)
		return e
	}
	e.Ref = x.rule.slot.ref
	if why == nil {
		e.Outcome = Injected
	}
	for _, rule := range d.rules {
		if rule.matches(r.URL) {
			e.Pattern = rule.pattern.String()
			for _, t := range rule.only {
				if t.MatchPath(r.URL.EscapedPath()) {
					e.Only = t.String()
				}
			}
			break
		}
	}
	return e
}

func refusedBecause(why *refusal) Explanation {
	return Explanation{
		Outcome: Refused, Status: why.status, Kind: why.Kind, Reason: why.Reason, Message: why.Message, Rule: why.Rule, RuleAt: why.RuleAt,
	}
}
