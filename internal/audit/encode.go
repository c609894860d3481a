package audit

import (
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"authsome"
)

// What an entry may hold at most. The limits keep an entry small enough for one write, whatever a server or a child
// sent; what is longer is cut, and ends in an ellipsis.
const (
	maxValue   = 1024 // bytes of one value
	maxName    = 64   // bytes of the name of a detail
	maxDetails = 32
)

// The values of status.
const (
	StatusSuccess = "success"
	StatusFailure = "failure"
)

// timeFormat has a fixed width, so that lines sort as their times do.
const timeFormat = "2006-01-02T15:04:05.000Z"

// fieldPrefix goes before the name of a detail that would hide a field of the entry itself.
const fieldPrefix = "detail_"

func isField(name string) bool {
	switch name {
	case "timestamp", "event", "provider", "connection", "profile", "status", "reason", "sealed", "seq", "chain", "":
		return true
	}
	return false
}

// appendEntry appends the line of e, its end included. The fields of every entry come first, then the details in the
// order of their names.
func appendEntry(b []byte, e authsome.Event, now time.Time) []byte {
	at, profile, status := e.Time, e.Ref.Profile, StatusSuccess
	if at.IsZero() {
		at = now
	}
	if profile == "" {
		profile = authsome.DefaultProfile
	}
	if e.Failed {
		status = StatusFailure
	}
	b = append(b, `{"timestamp":"`...)
	b = at.UTC().AppendFormat(b, timeFormat)
	b = append(b, '"')
	b = appendField(b, "event", string(e.Name))
	b = appendField(b, "provider", string(e.Ref.Provider))
	b = appendField(b, "connection", string(e.Ref.Connection))
	b = appendField(b, "profile", string(profile))
	b = appendField(b, "status", status)
	if e.Failed || e.Reason != "" {
		b = appendField(b, "reason", e.Reason)
	}
	return append(appendDetails(b, e.Detail), '}', '\n')
}

func appendDetails(b []byte, details map[string]string) []byte {
	var few [8]string
	names := slices.AppendSeq(few[:0], maps.Keys(details))
	slices.Sort(names)
	for _, name := range names[:min(len(names), maxDetails)] {
		field := cut(name, maxName)
		for isField(field) || field != name && has(details, field) {
			field = fieldPrefix + field
		}
		b = appendField(b, field, details[name])
	}
	return b
}

func has(details map[string]string, name string) bool {
	_, ok := details[name]
	return ok
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, ',')
	b = appendString(b, name)
	b = append(b, ':')
	return appendString(b, cut(value, maxValue))
}

// cut shortens s to at most limit bytes and an ellipsis, between two characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// appendString appends s as a JSON string in which nothing is left that a terminal would act upon.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for s != "" {
		plain := plainLength(s)
		b = append(b, s[:plain]...)
		if s = s[plain:]; s == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case isUnsafe(r):
			b = appendEscape(b, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// plainLength returns how much of the beginning of s stands in JSON as it is, and is ASCII.
func plainLength(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return i
		}
	}
	return len(s)
}

// appendEscape appends r as JSON writes it in ASCII: one \u, or two for a character beyond the basic plane.
func appendEscape(b []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		return appendEscape(appendEscape(b, 0xd800+(r>>10)), 0xdc00+(r&0x3ff))
	}
	b = append(b, '\\', 'u')
	hex := strconv.AppendInt(nil, int64(r)|0x10000, 16) // a leading 1 keeps the zeros
	return append(b, hex[1:]...)
}

// isUnsafe reports whether a terminal may act upon r or hide it: control characters, those that change the direction
// of writing, and line separators.
func isUnsafe(r rune) bool { return !unicode.IsPrint(r) }
