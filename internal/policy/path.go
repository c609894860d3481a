package policy

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"authsome"
)

// readings returns the segments of an escaped path, as it is written and as a server reads it that decodes before it splits
// (RFC 3986 section 2.4 says not to), at slashes and where a query or fragment would begin, if that makes a difference. A slash
// at the end makes none. It fails for a path that servers read in still more ways: with dot segments (RFC 3986 section 5.2.4),
// empty segments, backslashes, parameters, or bytes that are no text.
func readings(escaped string) (all [][]string, ok bool) {
	first, ok := literal(strings.TrimPrefix(escaped, "/"))
	if !ok {
		return nil, false
	}
	if !strings.Contains(escaped, "%") {
		return [][]string{first}, true
	}
	decoded, stable := authsome.DecodePath(escaped)
	if !stable {
		return nil, false
	}
	all = [][]string{first}
	spellings := []string{decoded}
	if end := strings.IndexAny(decoded, "?#"); end >= 0 {
		spellings = append(spellings, decoded[:end])
	}
	for _, spelling := range spellings {
		other, ok := split(strings.TrimPrefix(spelling, "/"))
		if !ok {
			return nil, false
		}
		if !slices.Equal(first, other) {
			all = append(all, other)
		}
	}
	return all, true
}

// literal splits a path at its slashes and decodes each segment once.
func literal(path string) ([]string, bool) {
	segments, ok := split(path)
	if !ok || !strings.Contains(path, "%") {
		return segments, ok
	}
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil || !isSegment(decoded) {
			return nil, false
		}
		segments[i] = decoded
	}
	return segments, true
}

// split splits a path without its first slash.
func split(path string) ([]string, bool) {
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return nil, true
	}
	segments := strings.Split(path, "/")
	for _, s := range segments {
		if !isSegment(s) {
			return nil, false
		}
	}
	return segments, true
}

// isSegment reports whether every server takes s for the same name.
func isSegment(s string) bool {
	if s == "" || s == "." || s == ".." || !utf8.ValidString(s) {
		return false
	}
	// A space at the end is cut off by some, and then "..%20" is a dot segment.
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == ';' || r == '\\' }) &&
		strings.Trim(s, " ") == s
}

// matchSegments reports whether a path matches a pattern, in which "**" stands for any number of segments.
func matchSegments(pattern, path []string, match func(pattern, segment string, last bool) bool) bool {
	p, s := 0, 0
	star, resume := -1, 0 // the last "**", and where what it stands for ends
	for s < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			star, resume = p, s
			p++
		case p < len(pattern) && match(pattern[p], path[s], s == len(path)-1):
			p, s = p+1, s+1
		case star >= 0:
			resume++
			p, s = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

// segmentMatcher returns a comparison of a pattern with a segment. A suffix is what follows a dot in the last segment.
func segmentMatcher(fold, suffix bool) func(pattern, segment string, last bool) bool {
	return func(pattern, segment string, last bool) bool {
		if fold {
			pattern, segment = strings.ToLower(pattern), strings.ToLower(segment)
		}
		if matchStars(pattern, segment) {
			return true
		}
		return suffix && last && matchStars(pattern+".*", segment)
	}
}

// matchStars reports whether s matches a pattern in which '*' stands for any bytes, none included.
func matchStars(pattern, s string) bool {
	before, rest, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, before)
	if !ok {
		return false
	}
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(part):], after
	}
}
