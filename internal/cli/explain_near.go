package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"authsome"
	"authsome/internal/policy"
	"authsome/internal/proxy"
)

// nearMiss says why a request gets no credential although somebody would expect one: its provider is connected, but left out of
// this run, or meant at another port. It is empty where that is not the reason.
func (a *app) nearMiss(ctx context.Context, layer authsome.AuthLayer, bounds *limits, chosen *chosenRoutes, r *http.Request) string {
	all := *bounds
	all.flags.Only, all.file.Only = nil, nil
	if everything, err := a.chooseRoutes(ctx, layer, &all); err == nil {
		e := claimOf(everything, r)
		for _, o := range []policy.Options{bounds.flags, bounds.file} {
			if name := string(e.Ref.Provider); name != "" && !policy.Permits(name, o) {
				return fmt.Sprintf("it would be for %s of %s, which %s leaves out", e.Pattern, name, o.Only[0].At)
			}
		}
	}
	if r.URL.Scheme != "https" || r.URL.Port() == "" {
		return ""
	}
	usual := r.Clone(ctx)
	usual.URL.Host = strings.TrimSuffix(r.URL.Host, ":"+r.URL.Port())
	usual.Host = usual.URL.Host
	if e := claimOf(chosen, usual); e.Ref.Provider != "" {
		return fmt.Sprintf("%s of %s is meant at its usual port, and not at %s", e.Pattern, e.Ref.Provider, r.URL.Port())
	}
	return ""
}

// miss puts in why a request gets no credential. A login would not help.
func (v *verdict) miss(why string) {
	switch {
	case why == "":
	case v.Outcome != proxy.Refused:
		v.why, v.couldBe = why, nil
	case v.Reason == "unmatched":
		v.why += "; " + why
	}
}

// claimOf says whose a request is, whatever the rules of the run are.
func claimOf(chosen *chosenRoutes, r *http.Request) proxy.Explanation {
	return proxy.Explain(proxy.Config{Routes: chosen.routes}, r.Clone(r.Context()))
}
