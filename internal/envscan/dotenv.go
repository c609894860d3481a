package envscan

import (
	"bytes"
	"strings"

	"authsome"
)

// Parse reads the assignments of a .env file. There is no standard of such files; this reads what the common loaders
// agree on:
//
//	NAME=value            up to the end of the line or to a # after white space, without white space around
//	export NAME=value     as shells have it
//	NAME='value'          literally, over several lines if need be; `value` likewise
//	NAME="value"          likewise, where \n, \r, \t, \", \$ and \\ are escapes
//
// A byte order mark, CRLF and CR line ends are understood. Variables in values are not expanded. What is no assignment is
// passed over; a quote that is never closed is part of its line's value, so that it does not swallow the rest of the file.
func Parse(content []byte) []Variable {
	s := string(bytes.TrimPrefix(content, []byte("\ufeff")))
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	var all []Variable
	for line := 1; s != ""; {
		name, rest, ok := assignment(s)
		if !ok {
			_, s, _ = strings.Cut(s, "\n")
			line++
			continue
		}
		value, after := parseValue(rest)
		all = append(all, Variable{Name: name, Value: authsome.NewSecret(value), Line: line})
		line += strings.Count(s[:len(s)-len(after)], "\n")
		s = after
	}
	return all
}

// assignment reads NAME= at the beginning of a line and returns what follows.
func assignment(s string) (name, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t")
	if after, found := strings.CutPrefix(s, "export"); found && after != strings.TrimLeft(after, " \t") {
		if after = strings.TrimLeft(after, " \t"); !strings.HasPrefix(after, "=") { // a variable may be called export
			s = after
		}
	}
	end := strings.IndexFunc(s, func(r rune) bool { return !isNameRune(r) })
	if end <= 0 {
		return "", "", false
	}
	name = s[:end]
	rest, ok = strings.CutPrefix(strings.TrimLeft(s[end:], " \t"), "=")
	return name, strings.TrimLeft(rest, " \t"), ok && isName(name)
}

// parseValue reads a value and the rest of its last line.
func parseValue(s string) (value, rest string) {
	if s != "" && strings.ContainsRune("'\"`", rune(s[0])) {
		if value, rest, ok := quoted(s); ok {
			_, rest, _ = strings.Cut(rest, "\n")
			return value, rest
		}
	}
	line, rest, _ := strings.Cut(s, "\n")
	return strings.TrimSpace(line[:commentAt(line)]), rest
}

// commentAt returns where the comment of a line without quotes begins: a # at its beginning or after white space.
func commentAt(line string) int {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return i
		}
	}
	return len(line)
}

// quoted reads a value up to its closing quote.
func quoted(s string) (value, rest string, ok bool) {
	quote := s[0]
	if quote != '"' {
		return cutByte(s[1:], quote)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteString(unescape(s[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

func cutByte(s string, sep byte) (before, after string, found bool) {
	return strings.Cut(s, string(rune(sep)))
}

// unescape returns what a backslash and a byte stand for; an unknown escape stands for itself.
func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '"', '$', '\\':
		return string(rune(c))
	default:
		return `\` + string([]byte{c})
	}
}

func isName(s string) bool {
	return s != "" && (s[0] < '0' || s[0] > '9') && strings.IndexFunc(s, func(r rune) bool { return !isNameRune(r) }) < 0
}

func isNameRune(r rune) bool {
	return r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
}
