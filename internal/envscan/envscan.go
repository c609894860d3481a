// Package envscan finds credentials that lie in the environment and in .env files, and tells which provider they belong
// to. Use [Files] and [Environment] to find variables, and an [Index] to tell whose they are.
//
// It reads and compares, and nothing else: it changes no file, asks nobody, and no value leaves it but as an
// [authsome.Secret].
package envscan

import (
	"path"
	"strings"

	"authsome"
)

// Variable is one assignment.
type Variable struct {
	Name  string
	Value authsome.Secret
	File  string // slash-separated, relative to the scanned directory; empty: the environment
	Line  int    // in File, from 1
}

// Environment returns the variables of an environment, given as NAME=value.
func Environment(environ []string) []Variable {
	var all []Variable
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if ok && isName(name) {
			all = append(all, Variable{Name: name, Value: authsome.NewSecret(value)})
		}
	}
	return all
}

// IsPlaceholder reports whether a value stands for a credential instead of being one: what authsome run gives its child,
// a reference to be resolved by somebody else, or what people write into examples.
func IsPlaceholder(value authsome.Secret) bool {
	v := strings.ToLower(strings.TrimSpace(value.Reveal()))
	if len(v) < shortestCredential || v == authsome.Placeholder || strings.Trim(v, v[:1]) == "" {
		return true
	}
	for _, prefix := range []string{"$", "<", "{{", "%", "op://", "vault:", "ref+", "file://"} {
		if strings.HasPrefix(v, prefix) {
			return true
		}
	}
	for _, part := range []string{
		"your-", "your_", "yourkey", "changeme", "change-me", "change_me", "replace", "example", "placeholder", "xxxx", "...", "…",
	} {
		if strings.Contains(v, part) {
			return true
		}
	}
	return false
}

// shortestCredential is shorter than any key, in bytes.
const shortestCredential = 4

// NameHint returns a connection name made of where the variable was found, for a scan of the directory of the given base
// name: services-api for services/api/.env, production for .env.production.
func (v Variable) NameHint(base string) authsome.ConnectionName {
	if v.File == "" {
		return "environment"
	}
	dir, file := path.Split(v.File)
	name := strings.Trim(strings.TrimPrefix(file, envPrefix), ".-_")
	if name == "local" || name == "rc" { // .env.local and .envrc are the directory's own
		name = ""
	}
	name = strings.Trim(strings.ReplaceAll(dir, "/", "-")+name, "-")
	if name == "" {
		name = base
	}
	return SafeName(name)
}

// SafeName turns any text into a connection name: what is not allowed becomes '-'.
func SafeName(s string) authsome.ConnectionName {
	const longest = 64
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_.@+", r):
			return r
		}
		return '-'
	}, s)
	s = strings.TrimLeft(s, "-_.@+")
	s = strings.TrimRight(s[:min(len(s), longest)], "-")
	if s == "" {
		return "imported"
	}
	return authsome.ConnectionName(s)
}
