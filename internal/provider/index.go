package provider

import (
	_ "embed"
	"strings"

	"authsome"
)

// index says of every bundled definition what a list shows, so that a list need not parse all of them: a line each, the
// fields that readIndex takes between tabs. A test generates it.
//
//go:embed index.tsv
var index string

// readIndex returns what the index says, ordered by name as the index is.
func readIndex(index string) []authsome.ProviderState {
	all := make([]authsome.ProviderState, 0, strings.Count(index, "\n"))
	for line := range strings.Lines(index) {
		var fields [5]string
		rest := strings.TrimSuffix(line, "\n")
		for i := range fields {
			fields[i], rest, _ = strings.Cut(rest, "\t")
		}
		all = append(all, authsome.ProviderState{Provider: authsome.Provider{
			SchemaVersion: SchemaVersion,
			Name:          authsome.ProviderName(fields[0]),
			DisplayName:   fields[1],
			Category:      fields[2],
			AuthType:      authsome.AuthType(fields[3]),
			Flow:          authsome.Flow(fields[4]),
			Source:        authsome.SourceBundled,
		}})
	}
	return all
}
