package provider

import (
	"fmt"
	"strings"
	"unicode"
)

// validateTokenCommand checks the arguments of a command, the first of which is found on PATH: no path of its own, and
// nothing that a shell would be needed for.
func validateTokenCommand(r *report, command []string) {
	for i, arg := range command {
		path := fmt.Sprintf("token_command[%d]", i)
		if arg == "" || strings.ContainsFunc(arg, unicode.IsControl) {
			r.addf(path, "must be an argument without control characters, got %q", arg)
		}
		if i == 0 && strings.ContainsAny(arg, `/\ `) {
			r.addf(path, "must be the name of a program, which is looked for on PATH, got %q", arg)
		}
	}
}
