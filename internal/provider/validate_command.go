package provider

import (
	"fmt"
	"strings"

	"authsome"
)

// validateCommand checks the command that prints a token. Its program is found on the PATH, so that a definition cannot
// bring one along.
func validateCommand(r *report, p *authsome.Provider) {
	const path = "token_command"
	if p.TokenCommand == nil {
		return
	}
	if p.AuthType != authsome.AuthTypeOAuth2 && p.AuthType != authsome.AuthTypeAPIKey {
		r.addf(path, "is of no use when auth_type is %q", p.AuthType)
	}
	if len(p.TokenCommand) == 0 || !isProgramName(p.TokenCommand[0]) {
		r.addf(path, `must begin with the name of a program that is found on the PATH, such as ["gh", "auth", "token"]`)
	}
	for i, word := range p.TokenCommand {
		checkText(r, fmt.Sprintf("%s[%d]", path, i), word)
		if word == "" {
			r.addf(fmt.Sprintf("%s[%d]", path, i), "must not be empty")
		}
	}
}

func isProgramName(s string) bool {
	allowed := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.+", c)
	}
	return s != "" && strings.TrimLeft(s, "-.") == s && strings.IndexFunc(s, func(c rune) bool { return !allowed(c) }) < 0
}
