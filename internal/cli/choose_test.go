package cli

import (
	"strings"
	"testing"

	"authsome"
	"authsome/internal/policy"
	"authsome/internal/provider"
	"authsome/internal/proxy"
)

func TestWithoutADefaultTheErrorNamesTheChoices(t *testing.T) {
	t.Parallel()
	all := []authsome.Connection{
		{Ref: authsome.Ref{Provider: "acme", Connection: "home"}}, {Ref: authsome.Ref{Provider: "acme", Connection: "work"}},
	}
	_, err := pick(all, "")
	e := authsome.AsError(err)
	if !strings.Contains(e.Message, "no default one: home, work") || !strings.Contains(e.Hint, "authsome run --connection acme=home") ||
		!strings.Contains(e.Hint, "authsome connection set-default acme home") {
		t.Errorf("got %s\nhint: %s", e.Message, e.Hint)
	}
	if c, err := pick(all, "work"); err != nil || c.Connection != "work" {
		t.Errorf("work: %v %v", c.Ref, err)
	}
}

func TestClaimsToOnePlaceNeedAnOrder(t *testing.T) {
	t.Parallel()
	host := func(s string) []authsome.HostPattern {
		p, err := authsome.ParseHostPattern(s)
		if err != nil {
			t.Fatal(err)
		}
		return []authsome.HostPattern{p}
	}
	for _, c := range []struct {
		one, other string
		precedes   []authsome.ProviderName
		chosen     string
		ambiguous  bool
	}{
		{"api.acme.test", "api.acme.test", nil, "", true},
		{"api.acme.test", "https://API.acme.test:443/", nil, "", true},
		{"api.acme.test/v1", "https://api.acme.test/v1/", nil, "", true},
		{"api.acme.test", "api.acme.test", []authsome.ProviderName{"b"}, "", false},
		{"api.acme.test", "api.acme.test/v1", nil, "", false},
		{"api.acme.test", "api.acme.test:8443", nil, "", false},
		{"*.acme.test", "api.acme.test", nil, "", false},
		{"api.acme.test", "api.acme.test", nil, "api.acme.test", false},
		{"api.acme.test", "api.acme.test", nil, "api.acme.test/x/**", true},
		{"api.acme.test/v1", "api.acme.test/v1", nil, "api.acme.test/v1/**", false},
	} {
		r := &chosenRoutes{
			routes: []proxy.Route{
				{Ref: authsome.Ref{Provider: "a"}, Hosts: host(c.one)}, {Ref: authsome.Ref{Provider: "b"}, Hosts: host(c.other)},
			},
			definitions: []*authsome.Provider{{Name: "a", Precedes: c.precedes}, {Name: "b"}},
		}
		if c.chosen != "" {
			target, err := policy.ParseTarget(c.chosen)
			if err != nil {
				t.Fatal(err)
			}
			r.routes = append(r.routes, proxy.Route{Ref: authsome.Ref{Provider: "b"}, Hosts: host(c.other), Only: []policy.Target{target}})
		}
		r.order()
		if err := r.checkClaims(); (err != nil) != c.ambiguous {
			t.Errorf("%s and %s, %v, chosen %q: %v", c.one, c.other, c.precedes, c.chosen, err)
		}
	}
}

// Whoever is connected to everything can start a run.
func TestBundledDefinitionsLeaveNoClaimOpen(t *testing.T) {
	t.Parallel()
	all, broken, err := provider.Open("").All()
	if err != nil || len(broken) > 0 {
		t.Fatal(err, broken)
	}
	r := &chosenRoutes{}
	for i := range all {
		hosts, excluded, err := provider.Patterns(&all[i], "", "")
		if err != nil {
			continue // it depends on a base URL
		}
		r.routes = append(r.routes, proxy.Route{Ref: authsome.Ref{Provider: all[i].Name, Connection: "default"}, Hosts: hosts, Excluded: excluded})
		r.definitions = append(r.definitions, &all[i])
	}
	if err := r.checkClaims(); err != nil {
		t.Error(err)
	}
}
