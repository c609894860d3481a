package authsome

import (
	"net/url"
	"strings"
)

// maxDecodings bounds how often a path is percent-decoded: a proxy and the server behind it may each do it once.
const maxDecodings = 4

// isBelow reports whether path is prefix or lies below it. A segment "*" of the prefix stands for any that is not empty.
func isBelow(path, prefix string) bool {
	for {
		before, after, wild := strings.Cut(prefix, "/*")
		if !wild {
			break
		}
		rest, ok := strings.CutPrefix(path, before+"/")
		if !ok {
			return false
		}
		segment, _, _ := strings.Cut(rest, "/")
		if segment == "" {
			return false
		}
		path, prefix = rest[len(segment):], after
	}
	return prefix == "" || isBelowLiteral(path, prefix)
}

func isBelowLiteral(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix) && path[len(prefix)] == '/'
}

// ambiguousPath reports whether servers may disagree about what an escaped path means: it has dot segments or
// backslashes once it is decoded.
func ambiguousPath(escaped string) bool {
	path, stable := DecodePath(escaped)
	if !stable || strings.Contains(path, `\`) {
		return true
	}
	for segment := range strings.SplitSeq(path, "/") {
		if isDotSegment(stripParameters(segment)) {
			return true
		}
	}
	return false
}

// foldPath brings all spellings of a path that some server may treat alike into one.
func foldPath(escaped string) string {
	path, _ := DecodePath(escaped)
	path = strings.ReplaceAll(path, `\`, "/")
	var out []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment = stripParameters(segment); segment {
		case "", ".":
		case "..":
			out = out[:max(0, len(out)-1)]
		default:
			out = append(out, segment)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "/" + strings.ToLower(strings.Join(out, "/"))
}

// foldPaths returns what foldPath makes of a path, and of what a server takes for it that decodes first and then looks where the
// query or the fragment begins.
func foldPaths(escaped string) []string {
	paths := []string{foldPath(escaped)}
	decoded, _ := DecodePath(escaped)
	if end := strings.IndexAny(decoded, "?#"); end >= 0 {
		paths = append(paths, foldPath(decoded[:end]))
	}
	return paths
}

// DecodePath percent-decodes an escaped path (RFC 3986 section 2.1) as often as proxies and servers in a row might, four times at
// most; stable is false where the fourth time still changed it. A '%' that is no escape stands for itself. Whatever rules about
// paths decodes them here, so that no two rules take one path for different ones.
func DecodePath(escaped string) (decoded string, stable bool) {
	path := escaped
	for range maxDecodings {
		next, err := url.PathUnescape(path)
		if err != nil || next == path {
			return path, true
		}
		path = next
	}
	return path, false
}

// stripParameters removes path parameters (RFC 3986 section 3.3) and the control characters and spaces that some
// servers ignore.
func stripParameters(segment string) string {
	segment, _, _ = strings.Cut(segment, ";")
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, segment)
}

func isDotSegment(segment string) bool { return segment == "." || segment == ".." }
