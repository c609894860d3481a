package doctor

import (
	"errors"
	"fmt"
	"strings"

	"authsome"
	"authsome/internal/provider"
	"authsome/internal/shell"
	"authsome/local"
)

// definitions examines the user's own provider definitions.
func (e *examination) definitions() Check {
	const name = "definitions"
	all, broken, err := provider.Open(e.in(local.ProvidersDir)).All()
	if err != nil {
		return failed(name, err.Error(), "")
	}
	own := 0
	for _, p := range all {
		if p.Source == authsome.SourceCustom {
			own++
		}
	}
	if len(broken) == 0 {
		return passed(name, fmt.Sprintf("%d bundled, %d of your own", len(all)-own, own))
	}
	var lines, removals []string
	for _, b := range broken {
		lines = append(lines, describeBroken(b)...)
		removals = append(removals, "authsome remove "+shell.Word(string(b.Name)))
	}
	return failed(name, strings.Join(lines, "\n"), "correct the file, or delete it: "+strings.Join(removals, " && "))
}

// describeBroken gives every problem of a definition a line of its own.
func describeBroken(b authsome.BrokenDefinition) []string {
	lines := []string{fmt.Sprintf("%s: %s cannot be used:", b.Name, b.Path)}
	invalid, ok := errors.AsType[*provider.ValidationError](b.Err)
	if !ok {
		return append(lines, "  "+b.Err.Error())
	}
	for _, problem := range invalid.Problems {
		lines = append(lines, "  "+problem.String())
	}
	return lines
}
