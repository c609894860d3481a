package provider

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/publicsuffix"

	"authsome"
)

// A host that belongs to one definition and is claimed by another without a word would get one of two credentials, and
// nobody could say which.
func TestNoTwoBundledDefinitionsClaimTheSamePlaceUndeclared(t *testing.T) {
	t.Parallel()
	all := bundledProviders(t)
	for i := range all {
		for j := range all[:i] {
			a, b := &all[i], &all[j]
			overlap := overlapOf(t, a, b)
			switch declared := precedes(a, b) || precedes(b, a); {
			case overlap != "" && !declared:
				t.Errorf("%s and %s claim %s and neither precedes the other", a.Name, b.Name, overlap)
			case overlap == "" && declared:
				t.Errorf("%s and %s claim no common place", a.Name, b.Name)
			case precedes(a, b) && precedes(b, a):
				t.Errorf("%s and %s precede each other", a.Name, b.Name)
			}
		}
	}
}

func TestEveryPrecededDefinitionIsBundled(t *testing.T) {
	t.Parallel()
	names := bundledNames()
	for _, p := range bundledProviders(t) {
		for _, other := range p.Precedes {
			if !slices.Contains(names, other) {
				t.Errorf("%s precedes %s, which there is not", p.Name, other)
			}
		}
	}
}

func precedes(a, b *authsome.Provider) bool { return slices.Contains(a.Precedes, b.Name) }

// overlapOf returns a place that both definitions claim, or nothing. The proxy prefers the longer path, so the winner
// must not have the shorter one.
func overlapOf(t *testing.T, a, b *authsome.Provider) string {
	t.Helper()
	if precedes(b, a) {
		a, b = b, a
	}
	first, _ := placesOf(t, a)
	second, _ := placesOf(t, b)
	for _, p := range first {
		for _, q := range second {
			if !sharesHost(p, q) && !sharesHost(q, p) {
				continue
			}
			x, y := strings.TrimSuffix(pathOf(p), "x"), strings.TrimSuffix(pathOf(q), "x")
			if !strings.HasPrefix(x, y) && !strings.HasPrefix(y, x) {
				continue
			}
			if precedes(a, b) && len(x) < len(y) {
				t.Errorf("%s precedes %s, whose %s is narrower than %s", a.Name, b.Name, q, p)
			}
			return p.String()
		}
	}
	return ""
}

// sharesHost reports whether a host that q names is one that p matches.
func sharesHost(p, q authsome.HostPattern) bool {
	host := q.Host()
	if q.IsWildcard() {
		host = "some." + host
	}
	return p.MatchHost("https", host, "443")
}

// A credential on a page that people browse would go to whatever is hosted there.
func TestHostsThatServeWebPagesAreClaimedByPath(t *testing.T) {
	t.Parallel()
	// These serve an API and nothing else, whatever they are called.
	pure := strings.Fields(`www.eventbriteapi.com www.zohoapis.com www.zohoapis.eu www.zohoapis.in www.zohoapis.com.au
		www.zohoapis.jp fal.run generativelanguage.googleapis.com`)
	for _, p := range bundledProviders(t) {
		hosts, _ := placesOf(t, &p)
		for _, pattern := range hosts {
			host := pattern.Host()
			owner, err := publicsuffix.EffectiveTLDPlusOne(host)
			if err != nil && host != "googleapis.com" {
				t.Errorf("%s: %s: %v", p.Name, pattern, err)
			}
			first, _, _ := strings.Cut(host, ".")
			browsed := host == owner || slices.Contains([]string{"www", "app", "console", "dashboard"}, first)
			if browsed && pathOf(pattern) == "/" && !slices.Contains(pure, host) {
				t.Errorf("%s: %s needs a path", p.Name, pattern)
			}
		}
	}
}

func TestVariablesAreSharedOnlyBetweenDeclaredRivals(t *testing.T) {
	t.Parallel()
	owners := make(map[string][]*authsome.Provider)
	claim := func(p *authsome.Provider, names ...string) {
		for _, name := range names {
			for _, other := range owners[name] {
				if !precedes(p, other) && !precedes(other, p) {
					t.Errorf("%s and %s both use %s", p.Name, other.Name, name)
				}
			}
			owners[name] = append(owners[name], p)
		}
	}
	all := bundledProviders(t)
	for i := range all {
		p := &all[i]
		if p.AuthType == authsome.AuthTypeAPIKey {
			names := p.Export.Names("api_key")
			claim(p, names...)
			if !slices.Contains(names, p.APIKey.EnvVar) {
				t.Errorf("%s: the key is read from %s and exported as %v", p.Name, p.APIKey.EnvVar, names)
			}
			continue
		}
		claim(p, p.Export.Names("access_token")...)
		if p.Client != nil {
			claim(p, p.Client.ClientIDEnv, p.Client.ClientSecretEnv)
		}
	}
}

func TestFactsAboutBundledDefinitionsAreWellFormed(t *testing.T) {
	t.Parallel()
	categories := strings.Fields(`analytics chat cms commerce crm data database design developer email finance health hosting hr
		identity legal logistics marketing mcp media model observability payment productivity search social storage ticket`)
	for _, p := range bundledProviders(t) {
		if !slices.Contains(categories, p.Category) {
			t.Errorf("%s: the category %q is none of %v", p.Name, p.Category, categories)
		}
		for _, page := range []string{p.Docs, p.KeyURL} {
			if u, err := url.Parse(page); page != "" && (err != nil || u.Scheme != "https" || u.User != nil) {
				t.Errorf("%s: %q is no address of a page", p.Name, page)
			}
		}
		if p.APIKey != nil && (p.APIKey.KeyPattern == "") != (p.APIKey.KeyPatternHint == "") {
			t.Errorf("%s: a key pattern needs its hint, and the other way round", p.Name)
		}
	}
}

func TestCatalogueIsLarge(t *testing.T) {
	t.Parallel()
	if got := len(bundledNames()); got < 150 {
		t.Errorf("got %d definitions, want at least 150", got)
	}
}
