package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"authsome"
	"authsome/internal/policy"
	"authsome/internal/provider"
	"authsome/internal/proxy"
)

// choice says which connection of a provider is used: for all requests, or for those to one place.
type choice struct {
	provider   authsome.ProviderName
	connection authsome.ConnectionName
	where      *policy.Target // nil: everywhere
	at         string
}

// choices returns what was chosen, on the command line first: a choice is no restriction, and there the person says it now.
func (l *limits) choices() ([]choice, error) {
	return parseChoices(slices.Concat(l.flags.Connections, l.file.Connections))
}

// parseChoices parses entries such as "github=work" and "github=acme api.github.com/orgs/acme/**".
func parseChoices(entries []policy.Entry) ([]choice, error) {
	var all []choice
	for _, e := range entries {
		words := strings.Fields(e.Text)
		if len(words) == 0 || len(words) > 2 {
			return nil, choiceError(e, "it wants PROVIDER=CONNECTION, or PROVIDER=CONNECTION HOST/PATH")
		}
		p, c, ok := strings.Cut(words[0], "=")
		if !ok || p == "" || c == "" {
			return nil, choiceError(e, "it wants PROVIDER=CONNECTION, or PROVIDER=CONNECTION HOST/PATH")
		}
		ch := choice{provider: authsome.ProviderName(p), connection: authsome.ConnectionName(c), at: e.At}
		if len(words) == 2 {
			where, err := policy.ParseTarget(words[1])
			if err != nil {
				return nil, choiceError(e, err.Error())
			}
			ch.where = &where
		}
		all = append(all, ch)
	}
	return all, nil
}

func choiceError(e policy.Entry, why string) error {
	return &authsome.Error{
		Kind: authsome.KindUsage, Message: fmt.Sprintf("%s: %q: %s", e.At, e.Text, why),
		Hint: "authsome run --connection github=work --connection 'github=acme api.github.com/orgs/acme/**' -- COMMAND",
	}
}

// addRoute adds a route for some of a provider's requests.
func (r *chosenRoutes) addRoute(ctx context.Context, layer authsome.AuthLayer, c authsome.Connection, ch choice) error {
	p, err := layer.Provider(ctx, c.Profile, c.Provider)
	if err != nil {
		return err
	}
	hosts, excluded, err := provider.Patterns(&p.Provider, c.BaseURL, c.APIHost)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(hosts, func(h authsome.HostPattern) bool { return mayMeet(*ch.where, h) }) {
		return &authsome.Error{
			Kind: authsome.KindUsage, Ref: c.Ref, Message: fmt.Sprintf("%s: %s is no host of %s", ch.at, ch.where, c.Provider),
			Hint: fmt.Sprintf("authsome inspect %s shows its hosts", c.Provider),
		}
	}
	r.routes = append(r.routes, proxy.Route{
		Ref: c.Ref, Hosts: hosts, Excluded: excluded, Only: []policy.Target{*ch.where}, Guard: c.Guard,
	})
	r.picks = append(r.picks, picked{c, ch})
	r.connections[c.Ref] = c
	return r.addPaths(&p.Provider, c)
}

// mayMeet reports whether a host may be one of both.
func mayMeet(t policy.Target, h authsome.HostPattern) bool {
	host := t.Host()
	if host == "" || t.IsWildcard() || h.Host() == "" {
		return true
	}
	return h.MatchHost("https", host, t.Port()) || !h.IsWildcard() && h.Host() == host
}

// claim is a place that a route is about.
type claim struct {
	provider authsome.ProviderName
	host     authsome.HostPattern
}

// checkClaims fails when two providers lay claim to the same place and nothing says which comes first.
func (r *chosenRoutes) checkClaims() error {
	first := make(map[string]claim)
	for _, route := range r.routes {
		for _, h := range route.Hosts {
			key := placeOf(h)
			other, taken := first[key]
			if !taken {
				first[key] = claim{route.Ref.Provider, h}
				continue
			}
			if other.provider == route.Ref.Provider || r.precede(other.provider, route.Ref.Provider) || r.isChosen(h) {
				continue
			}
			return ambiguousClaim(h, other.provider, route.Ref)
		}
	}
	return nil
}

func ambiguousClaim(h authsome.HostPattern, one authsome.ProviderName, other authsome.Ref) error {
	return &authsome.Error{
		Kind: authsome.KindUsage, Reason: "ambiguous_provider",
		Message: fmt.Sprintf("both %s and %s are for %s, and nothing says which comes first", one, other.Provider, h),
		Hint: fmt.Sprintf("authsome run --connection '%s=%s %s' -- COMMAND   (or --only %s, or --only %s)",
			other.Provider, other.Connection, wholeOf(h), one, other.Provider),
	}
}

// placeOf writes a host pattern as a target: two that are the same are written the same.
func placeOf(h authsome.HostPattern) string {
	s := strings.ToLower(h.String())
	if h.Expression() != "" {
		return s
	}
	s = strings.TrimPrefix(s, "https://")
	return strings.TrimSuffix(strings.TrimRight(s, "/"), ":443")
}

// wholeOf writes a host pattern as a target about all of it.
func wholeOf(h authsome.HostPattern) string {
	if s := placeOf(h); strings.Contains(s, "/") {
		return s + "/**"
	}
	return placeOf(h)
}

// precede reports whether one of two definitions says that it comes before the other.
func (r *chosenRoutes) precede(a, b authsome.ProviderName) bool {
	return slices.ContainsFunc(r.definitions, func(p *authsome.Provider) bool {
		return p.Name == a && slices.Contains(p.Precedes, b) || p.Name == b && slices.Contains(p.Precedes, a)
	})
}

// isChosen reports whether a connection was named for all that a pattern is about.
func (r *chosenRoutes) isChosen(h authsome.HostPattern) bool {
	return slices.ContainsFunc(r.routes, func(route proxy.Route) bool {
		return slices.ContainsFunc(route.Only, func(t policy.Target) bool {
			return t.String() == wholeOf(h) || !t.HasPath() && t.Host() == h.Host() && t.IsWildcard() == h.IsWildcard()
		})
	})
}
