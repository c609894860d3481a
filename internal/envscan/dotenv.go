package envscan

import (
	"bytes"
	"strings"

	"authsome"
)

// Parse reads a .env file: lines NAME=value, with "export" before the name or not, and values bare, in single quotes (as
// they are) or in double ones (with escapes, over several lines if need be). Lines that are none of that are skipped, and
// so are values that refer to other variables: what they stand for is not known here.
func Parse(content []byte) []Variable {
	text := strings.ReplaceAll(string(bytes.TrimPrefix(content, []byte("\ufeff"))), "\r\n", "\n")
	var all []Variable
	for line := 1; text != ""; {
		entry, rest, _ := strings.Cut(text, "\n")
		used := 1
		name, value, isVariable := cutName(entry)
		if isVariable {
			if quote := quoteOf(value); quote != 0 {
				_, after, _ := strings.Cut(text, value[:1])
				if quoted, left, closed := cutQuoted(after, quote); closed {
					used = 1 + strings.Count(quoted, "\n")
					value = unquote(quoted, quote)
					_, rest, _ = strings.Cut(left, "\n")
				} else {
					isVariable = false
				}
			} else {
				value = bare(value)
			}
		}
		if isVariable && value != "" && !strings.Contains(value, "$") {
			all = append(all, Variable{Name: name, Value: authsome.NewSecret(value), Line: line})
		}
		line += used
		text = rest
	}
	return all
}

// cutName takes the name from the beginning of a line.
func cutName(line string) (name, value string, ok bool) {
	line = strings.TrimSpace(line)
	if rest, exported := strings.CutPrefix(line, "export "); exported {
		line = strings.TrimSpace(rest)
	}
	name, value, ok = strings.Cut(line, "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		return "", "", false
	}
	return name, strings.TrimSpace(value), true
}

func quoteOf(value string) byte {
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		return value[0]
	}
	return 0
}

// cutQuoted takes everything up to the closing quote.
func cutQuoted(s string, quote byte) (quoted, rest string, closed bool) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			i++
		case s[i] == quote:
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

func unquote(s string, quote byte) string {
	if quote == '\'' {
		return s
	}
	return strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`, `\\`, `\`).Replace(s)
}

// bare ends a value at a comment.
func bare(value string) string {
	if strings.HasPrefix(value, "#") {
		return ""
	}
	for _, mark := range []string{" #", "\t#"} {
		value, _, _ = strings.Cut(value, mark)
	}
	return strings.TrimSpace(value)
}
