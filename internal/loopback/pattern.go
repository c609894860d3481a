package loopback

import (
	"fmt"
	"regexp/syntax"
	"strings"
)

// browserPattern writes an expression (RE2) as browsers read the attribute pattern: with JavaScript's flag v, where
// "[\w-]" is a fault and "[[:alnum:]]" another set. It is made of what was understood, with every character by its number,
// so that there is nothing to misread. It reports false for what JavaScript has otherwise or not at all.
func browserPattern(expression string) (string, bool) {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	if !writePattern(&b, re) {
		return "", false
	}
	return b.String(), true
}

func writePattern(b *strings.Builder, re *syntax.Regexp) bool {
	if re.Flags&syntax.FoldCase != 0 && re.Op == syntax.OpLiteral {
		return false
	}
	switch re.Op {
	case syntax.OpEmptyMatch:
		b.WriteString("(?:)")
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			fmt.Fprintf(b, `\u{%x}`, r)
		}
	case syntax.OpCharClass:
		writeClass(b, re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteString(`[^\n]`)
	case syntax.OpCapture:
		return writeGroup(b, re.Sub[0], "")
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !writeGroup(b, sub, "") {
				return false
			}
		}
	case syntax.OpAlternate:
		return writeAlternatives(b, re.Sub)
	case syntax.OpStar:
		return writeGroup(b, re.Sub[0], "*")
	case syntax.OpPlus:
		return writeGroup(b, re.Sub[0], "+")
	case syntax.OpQuest:
		return writeGroup(b, re.Sub[0], "?")
	case syntax.OpRepeat:
		most := ""
		if re.Max >= 0 {
			most = fmt.Sprint(re.Max)
		}
		return writeGroup(b, re.Sub[0], fmt.Sprintf("{%d,%s}", re.Min, most))
	default: // anchors and word boundaries
		return false
	}
	return true
}

func writeClass(b *strings.Builder, ranges []rune) {
	b.WriteByte('[')
	for i := 0; i+1 < len(ranges); i += 2 {
		fmt.Fprintf(b, `\u{%x}-\u{%x}`, ranges[i], ranges[i+1])
	}
	b.WriteByte(']')
}

func writeAlternatives(b *strings.Builder, all []*syntax.Regexp) bool {
	b.WriteString("(?:")
	for i, sub := range all {
		if i > 0 {
			b.WriteByte('|')
		}
		if !writePattern(b, sub) {
			return false
		}
	}
	b.WriteByte(')')
	return true
}

// writeGroup writes an expression so that a quantifier behind it means all of it.
func writeGroup(b *strings.Builder, re *syntax.Regexp, quantifier string) bool {
	b.WriteString("(?:")
	if !writePattern(b, re) {
		return false
	}
	b.WriteString(")" + quantifier)
	return true
}
