package provider

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// maxEndings bounds the work on an expression with many alternatives.
const maxEndings = 64

// checkAnchored refuses an expression that is not certain to end in a domain with one owner, such as ".*example.com",
// whose dots match anything, or ".*\.com".
func checkAnchored(expr string) error {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return fmt.Errorf("parse expression: %w", err)
	}
	found := endings(parsed.Simplify())
	if len(found) == 0 {
		return errors.New("the expression must end in a literal domain, as in regex:api[0-9]\\.example\\.com")
	}
	for _, e := range found {
		domain, ok := e.text, e.whole
		if !e.whole {
			// The first label may go on to the left: only what follows a literal dot is certain.
			_, domain, ok = strings.Cut(e.text, ".")
		}
		if !ok || !isRegistrable(domain) {
			return fmt.Errorf("the expression must end in a literal domain that somebody owns, as in "+
				`regex:api[0-9]\.example\.com; it can end in %q`, e.text)
		}
	}
	return nil
}

// ending is literal text that some of an expression's matches end with; whole, when that is the entire match.
type ending struct {
	text  string
	whole bool
}

// endings returns a set of endings such that every match has one of them. It returns nil when there are too many.
func endings(re *syntax.Regexp) []ending {
	switch re.Op {
	case syntax.OpLiteral:
		return []ending{{strings.ToLower(string(re.Rune)), true}}
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []ending{{"", true}}
	case syntax.OpCapture:
		return endings(re.Sub[0])
	case syntax.OpConcat:
		return concatenated(re.Sub)
	case syntax.OpAlternate:
		return united(re.Sub)
	case syntax.OpQuest:
		return append([]ending{{"", true}}, endings(re.Sub[0])...)
	case syntax.OpCharClass:
		return characters(re.Rune)
	case syntax.OpPlus:
		return open(endings(re.Sub[0]))
	default:
		return []ending{{"", false}}
	}
}

// concatenated goes from right to left and stops where nothing more is certain.
func concatenated(parts []*syntax.Regexp) []ending {
	all := []ending{{"", true}}
	for i := len(parts) - 1; i >= 0; i-- {
		left := endings(parts[i])
		var next []ending
		for _, right := range all {
			if !right.whole {
				next = append(next, right)
				continue
			}
			for _, l := range left {
				next = append(next, ending{l.text + right.text, l.whole})
			}
		}
		if len(left) == 0 || len(next) > maxEndings {
			return nil
		}
		all = next
	}
	return all
}

func united(alternatives []*syntax.Regexp) []ending {
	var all []ending
	for _, a := range alternatives {
		e := endings(a)
		if len(e) == 0 || len(all)+len(e) > maxEndings {
			return nil
		}
		all = append(all, e...)
	}
	return all
}

// characters lists a small class; of a large one nothing is certain.
func characters(ranges []rune) []ending {
	var all []ending
	for i := 0; i+1 < len(ranges); i += 2 {
		if int(ranges[i+1]-ranges[i]) >= maxEndings {
			return []ending{{"", false}}
		}
		for c := ranges[i]; c <= ranges[i+1]; c++ {
			all = append(all, ending{string(unicode.ToLower(c)), true})
		}
	}
	if len(all) == 0 || len(all) > maxEndings {
		return []ending{{"", false}}
	}
	return all
}

// open marks endings of a repeated expression: more may stand before them.
func open(endings []ending) []ending {
	for i := range endings {
		endings[i].whole = false
	}
	return endings
}
