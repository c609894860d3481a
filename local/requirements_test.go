package local_test

import (
	"slices"
	"testing"
)

// requirement is a duty of an OAuth client, by the identifier that the project's reference gives it: the document, and a
// number within it.
type requirement struct {
	id   string
	what string
	test func(t *testing.T)
}

// requirements lists every duty with the test that shows it, against a server that enforces it.
func requirements() []requirement {
	return slices.Concat(
		requirements6749(), requirements6750(), requirements7636(), requirements8252(), requirements8628(),
		requirements7591(), requirements7009(), requirements7662(), requirements8414(), requirements9728(),
		requirements9207(), requirements9126(), requirements9449(), requirements9700(), requirementsMCP(),
	)
}

func TestRequirements(t *testing.T) {
	t.Parallel()
	for _, r := range requirements() {
		t.Run(r.id, func(t *testing.T) {
			t.Parallel()
			t.Log(r.what)
			r.test(t)
		})
	}
}

// TestEveryRequirementHasItsTest holds the list of all duties, so that none is forgotten.
func TestEveryRequirementHasItsTest(t *testing.T) {
	t.Parallel()
	want := []string{
		"6749-1", "6749-2", "6749-3", "6749-4", "6749-5", "6749-6", "6749-7", "6749-8", "6749-9",
		"6750-1", "6750-2", "7636-1", "8252-1", "8252-2", "8252-3", "8628-1", "8628-2", "8628-3",
		"7591-1", "7591-2", "7592-1", "7009-1", "7009-2", "7662-1", "8414-1", "8414-2", "OIDC-1", "9728-1", "8707-1",
		"9207-1", "9126-1", "9449-1", "9700-1", "9700-2", "9700-3",
		"MCP-1", "MCP-2", "MCP-3", "MCP-4", "MCP-5", "MCP-6",
	}
	var got []string
	for _, r := range requirements() {
		got = append(got, r.id)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("there are tests for\n%q, want\n%q", got, want)
	}
}
