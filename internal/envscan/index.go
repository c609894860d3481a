package envscan

import (
	"cmp"
	"slices"

	"authsome"
)

// Claim says that a variable may hold a field of a provider's credential, or of its OAuth client.
type Claim struct {
	Provider *authsome.Provider
	Field    authsome.FieldName
	// ByPattern is set when only the form of the value says so.
	ByPattern bool
	// fit orders claims: the lower, the better.
	fit int
}

// OfClient reports whether the field belongs to the OAuth client and not to a connection.
func (c Claim) OfClient() bool {
	return c.Field == authsome.FieldClientID || c.Field == authsome.FieldClientSecret
}

// Index knows which variables the definitions name. It is for one goroutine.
type Index struct {
	byName   map[string][]naming
	patterns []*keyPattern // of those keys that their form tells from others
}

// naming is one mention of a variable in a definition.
type naming struct {
	provider *authsome.Provider
	field    authsome.FieldName
	rank     int         // of the name among those of the field
	pattern  *keyPattern // nil: any value will do
}

// NewIndex reads definitions.
func NewIndex(providers []authsome.Provider) *Index {
	x := &Index{byName: make(map[string][]naming)}
	for i := range providers {
		x.add(&providers[i])
	}
	slices.SortStableFunc(x.patterns, func(a, b *keyPattern) int { return cmp.Compare(b.prefix, a.prefix) })
	return x
}

func (x *Index) add(p *authsome.Provider) {
	if p.Client != nil {
		x.name(p.Client.ClientIDEnv, naming{provider: p, field: authsome.FieldClientID})
		x.name(p.Client.ClientSecretEnv, naming{provider: p, field: authsome.FieldClientSecret})
	}
	main := p.AuthType.SecretField()
	if p.AuthType == authsome.AuthTypeOAuth2 {
		if !takesToken(p.Flow) {
			return
		}
		for rank, name := range p.Export.Names(string(main)) {
			x.name(name, naming{provider: p, field: main, rank: rank})
		}
		return
	}
	for _, f := range p.KeyFields() {
		pattern := newKeyPattern(p, f)
		names := p.Export.Names(string(f.Name))
		if f.EnvVar != "" {
			names = slices.Insert(names, 0, f.EnvVar)
		}
		for rank, name := range names {
			x.name(name, naming{provider: p, field: f.Name, rank: rank, pattern: pattern})
		}
		if pattern != nil && f.Name == main && pattern.prefix >= distinctive {
			x.patterns = append(x.patterns, pattern)
		}
	}
}

// takesToken reports whether a connection of a flow can begin with an access token alone.
func takesToken(f authsome.Flow) bool {
	return f != authsome.FlowJWTBearer && f != authsome.FlowTokenExchange
}

func (x *Index) name(variable string, n naming) {
	same := func(other naming) bool { return other.provider == n.provider && other.field == n.field }
	if variable != "" && !slices.ContainsFunc(x.byName[variable], same) {
		x.byName[variable] = append(x.byName[variable], n)
	}
}

// How well a claim fits.
const (
	fitsPattern = iota // the name says so, and the form agrees
	fitsName           // the name says so
	fitsBadly          // the name says so, and the form does not agree
	fitsByForm         // only the form says so
)

// Claims returns whose the variable may be, best first. Where several definitions name a variable, the one whose pattern
// fits comes first, then the one that precedes the others.
func (x *Index) Claims(v Variable) []Claim {
	named := slices.Clone(x.byName[v.Name])
	slices.SortStableFunc(named, func(a, b naming) int {
		return cmp.Or(precedence(a.provider, b.provider), cmp.Compare(a.rank, b.rank), cmp.Compare(a.provider.Name, b.provider.Name))
	})
	var claims []Claim
	for _, n := range named {
		claims = append(claims, Claim{Provider: n.provider, Field: n.field, fit: n.fit(v.Value)})
	}
	if len(claims) == 0 {
		claims = x.byForm(v.Value)
	}
	slices.SortStableFunc(claims, func(a, b Claim) int { return cmp.Compare(a.fit, b.fit) })
	return claims
}

func (n naming) fit(value authsome.Secret) int {
	switch {
	case n.pattern == nil:
		return fitsName
	case n.pattern.matches(value):
		return fitsPattern
	default:
		return fitsBadly
	}
}

// byForm returns the providers whose keys have the value's form. Of patterns that match, the ones with the longest fixed
// beginning tell the most.
func (x *Index) byForm(value authsome.Secret) []Claim {
	var claims []Claim
	longest := 0
	for _, p := range x.patterns {
		if p.prefix < longest || !p.matches(value) {
			continue
		}
		longest = p.prefix
		claims = append(claims, Claim{Provider: p.provider, Field: p.field, ByPattern: true, fit: fitsByForm})
	}
	return claims
}

// precedence orders two definitions of which one declares that it precedes the other.
func precedence(a, b *authsome.Provider) int {
	switch {
	case slices.Contains(a.Precedes, b.Name):
		return -1
	case slices.Contains(b.Precedes, a.Name):
		return 1
	default:
		return 0
	}
}
