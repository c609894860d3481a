package provider

import (
	"slices"
	"strings"
	"testing"

	"authsome"
)

func TestByPrecedencePutsTheWinnerFirst(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a b c":           "a b c",
		"a b>a c":         "b a c",
		"a b>a c>b":       "c b a",
		"a b>a,c c>a d":   "b c a d",
		"a b>absent":      "a b",
		"a>b b>a c":       "c a b",
		"a>a b":           "a b",
		"q a>p p>q r>q,a": "r a p q",
		"":                "",
	} {
		var all []*authsome.Provider
		for word := range strings.FieldsSeq(in) {
			name, precedes, declared := strings.Cut(word, ">")
			p := &authsome.Provider{Name: authsome.ProviderName(name)}
			for other := range strings.SplitSeq(precedes, ",") {
				if declared {
					p.Precedes = append(p.Precedes, authsome.ProviderName(other))
				}
			}
			all = append(all, p)
		}
		before := slices.Clone(all)
		var got []string
		for _, name := range ByPrecedence(all) {
			got = append(got, string(name))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", in, got, want)
		}
		if !slices.Equal(before, all) {
			t.Errorf("%s: the argument has changed", in)
		}
	}
}
