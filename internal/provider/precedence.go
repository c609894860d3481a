package provider

import (
	"slices"

	"authsome"
)

// ByPrecedence returns the names of definitions in the order in which their hosts are to be tried: a definition comes
// before those it precedes, and otherwise the order is kept. Where definitions precede each other in a circle, the first
// of them comes first.
func ByPrecedence(all []*authsome.Provider) []authsome.ProviderName {
	rest := slices.Clone(all)
	var names []authsome.ProviderName
	for len(rest) > 0 {
		next := max(0, slices.IndexFunc(rest, func(p *authsome.Provider) bool { return !isPreceded(p, rest) }))
		names = append(names, rest[next].Name)
		rest = slices.Delete(rest, next, next+1)
	}
	return names
}

func isPreceded(p *authsome.Provider, by []*authsome.Provider) bool {
	return slices.ContainsFunc(by, func(other *authsome.Provider) bool {
		return other != p && slices.Contains(other.Precedes, p.Name)
	})
}
