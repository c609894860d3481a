package oauth

import "strings"

// AuthChallenge is one challenge of a WWW-Authenticate field, RFC 9110 section 11.6.1.
type AuthChallenge struct {
	Scheme string            // in lower case
	Params map[string]string // by name in lower case; of two of one name the first counts
}

// ParseChallenges reads WWW-Authenticate fields. What it cannot understand ends that field; the challenges before it
// count.
func ParseChallenges(fields []string) []AuthChallenge {
	var all []AuthChallenge
	for _, field := range fields {
		all = append(all, parseChallenges(field)...)
	}
	return all
}

// BearerChallenge returns the parameters of the first challenge of a scheme that carries a token: Bearer (RFC 6750
// section 3) or DPoP (RFC 9449 section 7.1).
func BearerChallenge(fields []string) (params map[string]string, found bool) {
	for _, c := range ParseChallenges(fields) {
		if c.Scheme == "bearer" || c.Scheme == "dpop" {
			return c.Params, true
		}
	}
	return nil, false
}

// parseChallenges reads one field: schemes and parameters are separated by commas, so whether a word begins a challenge
// shows only in what follows it.
func parseChallenges(field string) []AuthChallenge {
	var all []AuthChallenge
	rest := field
	for {
		rest = strings.TrimLeft(rest, " \t,")
		word, after := cutToken(rest)
		if word == "" {
			return all
		}
		value, left, isParam := cutValue(after)
		switch {
		case isParam && len(all) > 0:
			params := all[len(all)-1].Params
			if name := strings.ToLower(word); params[name] == "" {
				params[name] = value
			}
			rest = left
		case isParam, strings.HasPrefix(strings.TrimLeft(after, " \t"), "="):
			return all // a parameter of no challenge, or one that is cut off
		default:
			all = append(all, AuthChallenge{Scheme: strings.ToLower(word), Params: make(map[string]string)})
			rest = skipToken68(after)
		}
	}
}

// cutToken takes a token of RFC 9110 section 5.6.2 from the beginning of s.
func cutToken(s string) (token, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return !isTokenRune(r) })
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

func isTokenRune(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	default:
		return r < 0x7f && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}
}

// cutValue takes "= value" from the beginning of s, where white space is allowed on both sides of the sign.
func cutValue(s string) (value, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, "=") {
		return "", s, false
	}
	s = strings.TrimLeft(s[1:], " \t")
	if strings.HasPrefix(s, `"`) {
		return cutQuoted(s[1:])
	}
	value, rest = cutToken(s)
	return value, rest, value != ""
}

// cutQuoted takes the rest of a quoted string, RFC 9110 section 5.6.4.
func cutQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// skipToken68 leaves out credentials such as those of Negotiate, which stand where parameters do.
func skipToken68(s string) string {
	trimmed := strings.TrimLeft(s, " \t")
	end := strings.IndexAny(trimmed, " \t,")
	if end < 0 {
		end = len(trimmed)
	}
	word := trimmed[:end]
	name, padding, padded := strings.Cut(word, "=")
	if padded && strings.Trim(padding, "=") == "" && strings.IndexFunc(name, notToken68) < 0 {
		if next := strings.TrimLeft(trimmed[end:], " \t"); next == "" || next[0] == ',' {
			return trimmed[end:]
		}
	}
	return s
}

func notToken68(r rune) bool { return !isTokenRune(r) && r != '/' }
