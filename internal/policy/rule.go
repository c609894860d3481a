package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rule is one thing that is allowed or denied.
type Rule struct {
	Target

	methods []string // upper case; empty for every method
	text    string
	at      string
}

// ParseRule parses "METHOD host/path". The method may be left out, or be a list such as GET,HEAD, or '*'. at says where the
// rule stands, for people: a flag, or a file and line.
func ParseRule(s, at string) (Rule, error) {
	r, err := parseRule(s)
	if err != nil {
		return Rule{}, fmt.Errorf("rule %q: %w", s, err)
	}
	r.at = at
	return r, nil
}

func parseRule(s string) (Rule, error) {
	words := strings.Fields(s)
	r := Rule{text: strings.Join(words, " ")}
	if len(words) == 0 || len(words) > 2 {
		return r, errors.New("it is to be METHOD host/path, or host/path")
	}
	if len(words) == 2 {
		methods, err := parseMethods(words[0])
		if err != nil {
			return r, err
		}
		r.methods = methods
	}
	var err error
	if r.Target, err = ParseTarget(words[len(words)-1]); err != nil {
		return r, err
	}
	if len(words) == 1 && r.isMethod() {
		return r, fmt.Errorf("no host follows the method: %s * is about every host", words[0])
	}
	return r, nil
}

// isMethod reports whether somebody has most likely written a method and forgotten the host.
func (r Rule) isMethod() bool {
	return slices.Contains([]string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}, r.Target.text)
}

func parseMethods(s string) ([]string, error) {
	if s == "*" {
		return nil, nil
	}
	var methods []string
	for m := range strings.SplitSeq(s, ",") {
		if m == "" || strings.ContainsFunc(m, func(c rune) bool {
			return !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
		}) {
			return nil, fmt.Errorf("%q is no method; write GET, or GET,POST, or *", s)
		}
		methods = append(methods, strings.ToUpper(m))
	}
	return methods, nil
}

// String returns the rule as it was written.
func (r Rule) String() string { return r.text }

// isWhole reports whether the rule is about everything at its host.
func (r Rule) isWhole() bool { return !r.paths && len(r.methods) == 0 }

// allows reports whether the rule is about a method and every reading of a path.
func (r Rule) allows(method string, all [][]string) bool {
	return r.hasMethod(method) && r.matchesAll(all, false)
}

// denies reports whether the rule is about a method and a reading of a path.
func (r Rule) denies(method string, all [][]string) bool {
	return r.hasMethod(method) && r.matchesAny(all)
}

func (r Rule) hasMethod(method string) bool {
	return len(r.methods) == 0 || slices.Contains(r.methods, method)
}
