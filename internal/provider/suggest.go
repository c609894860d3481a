package provider

import (
	"slices"
	"strings"

	"authsome"
)

const maxSuggestions = 3

// suggestions returns the names that somebody who typed name may have meant, the closest first.
func suggestions(name string, names []authsome.ProviderName) []authsome.ProviderName {
	type candidate struct {
		name     authsome.ProviderName
		distance int
	}
	name = strings.ToLower(name)
	if len(name) > 64 {
		return nil
	}
	var candidates []candidate
	for _, n := range names {
		d := editDistance(name, string(n))
		isPart := len(name) > 2 && (strings.HasPrefix(string(n), name) || strings.HasPrefix(name, string(n)+"-"))
		if d <= max(1, len(name)/3) && d < len(name) || isPart {
			candidates = append(candidates, candidate{n, d})
		}
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(string(a.name), string(b.name))
	})
	var out []authsome.ProviderName
	for _, c := range candidates {
		if len(out) < maxSuggestions && !slices.Contains(out, c.name) {
			out = append(out, c.name)
		}
	}
	return out
}

// Nearest returns the first of the names that differ least from what was typed, or "" where there are none.
func Nearest(typed string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return slices.MinFunc(names, func(a, b string) int { return editDistance(typed, a) - editDistance(typed, b) })
}

// Likely returns the one of the names that somebody has mistyped, or "" where none is like it.
func Likely(typed string, names []string) string {
	const longest = 64
	if len(typed) > longest {
		return ""
	}
	name := Nearest(typed, names)
	if d := editDistance(typed, name); d > 2 || 2*d > len(typed) {
		return ""
	}
	return name
}

// editDistance counts the insertions, deletions and substitutions that make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
