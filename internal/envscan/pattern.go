package envscan

import (
	"regexp"
	"regexp/syntax"

	"authsome"
)

// distinctive is how many fixed characters a key must begin with for its form alone to tell whose it is: three, as "sk-".
const distinctive = 3

// keyPattern is the form of one field of a provider's key.
type keyPattern struct {
	provider *authsome.Provider
	field    authsome.FieldName
	source   string
	prefix   int            // characters at the beginning that hardly vary
	compiled *regexp.Regexp // nil: not used yet
}

// newKeyPattern returns the form of a field, or nil when the definition gives none.
func newKeyPattern(p *authsome.Provider, f authsome.KeyField) *keyPattern {
	if f.Pattern == "" {
		return nil
	}
	re, err := syntax.Parse(f.Pattern, syntax.Perl)
	if err != nil {
		return nil // the definition is broken, which is for others to say
	}
	prefix, _ := fixedPrefix(re)
	return &keyPattern{provider: p, field: f.Name, source: f.Pattern, prefix: prefix}
}

// matches reports whether the whole value has the form.
func (k *keyPattern) matches(value authsome.Secret) bool {
	if k.compiled == nil {
		k.compiled = regexp.MustCompile(`\A(?:` + k.source + `)\z`) // newKeyPattern has parsed it
	}
	return k.compiled.MatchString(value.Reveal())
}

// fewRunes is up to how many characters may stand in a place that still counts as fixed, as in gh[pousr]_.
const fewRunes = 8

// fixedPrefix returns how many characters at the beginning of every match are fixed, and whether that is all of it.
func fixedPrefix(re *syntax.Regexp) (n int, whole bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpBeginLine:
		return 0, true
	case syntax.OpLiteral:
		return len(re.Rune), true
	case syntax.OpCharClass:
		runes := 0
		for i := 0; i+1 < len(re.Rune); i += 2 {
			runes += int(re.Rune[i+1]-re.Rune[i]) + 1
		}
		if runes > fewRunes {
			return 0, false
		}
		return 1, true
	case syntax.OpCapture:
		return fixedPrefix(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			more, all := fixedPrefix(sub)
			n += more
			if !all {
				return n, false
			}
		}
		return n, true
	case syntax.OpAlternate:
		n, whole = fixedPrefix(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			other, all := fixedPrefix(sub)
			n, whole = min(n, other), whole && all && other == n
		}
		return n, whole
	default:
		return 0, false
	}
}
