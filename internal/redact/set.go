package redact

import (
	"slices"
	"strings"
	"sync/atomic"
)

const (
	// MinLength is the length below which a value is not looked for: it could be any word of any text.
	MinLength = 6
	// partial is how much of a secret, where a stream begins or ends within it, is enough to be covered.
	partial = 8

	gram     = 3 // bytes that the search looks at together
	hashBits = 14
	maxShift = 255
)

// fillers are the bytes that can cover a secret: they mean nothing in JSON, HTML, URLs and header fields.
const fillers = "*#~!.-_x0"

// Set is a set of forms to look for. It does not change and is safe for concurrent use; a nil Set is empty.
//
// The search is that of Wu and Manber: it looks at the last bytes of a window as long as the shortest form, and where
// those are in no form at all, moves on by nearly the whole window.
type Set struct {
	min, max int
	filler   byte
	shift    [1 << hashBits]uint8
	ending   map[uint32][]string // by the last gram of a form's window; the longest form first
	starting [256][]string       // by the first byte
	pairs    [1 << 10]uint64     // bitmap of the first two bytes
	tails    []string            // of every form, for streams that begin within one
	lower    []string            // the forms in lower case
}

// New makes a set of forms. Those shorter than [MinLength] are left out. It returns nil when none is left.
func New(forms []string) *Set {
	forms = unique(forms)
	if len(forms) == 0 {
		return nil
	}
	s := &Set{min: len(forms[len(forms)-1]), max: len(forms[0]), ending: make(map[uint32][]string), tails: forms}
	s.min = min(s.min, maxShift)
	s.filler = fillerFor(forms)
	for i := range s.shift {
		s.shift[i] = uint8(s.min - gram + 1)
	}
	for _, f := range forms {
		for i := gram; i <= s.min; i++ {
			h := hash(f[i-gram], f[i-2], f[i-1])
			s.shift[h] = min(s.shift[h], uint8(s.min-i))
		}
		s.lower = append(s.lower, strings.ToLower(f))
		last := hash(f[s.min-gram], f[s.min-2], f[s.min-1])
		s.ending[last] = append(s.ending[last], f)
		s.starting[f[0]] = append(s.starting[f[0]], f)
		pair := uint16(f[0])<<8 | uint16(f[1])
		s.pairs[pair>>6] |= 1 << (pair & 63)
	}
	return s
}

// Longest returns the length of the longest form.
func (s *Set) Longest() int {
	if s == nil {
		return 0
	}
	return s.max
}

// fillerFor returns a filler that is in no form, so that no form can arise from covering another.
func fillerFor(forms []string) byte {
	all := strings.Join(forms, "")
	for i := range len(fillers) {
		if strings.IndexByte(all, fillers[i]) < 0 {
			return fillers[i]
		}
	}
	for _, c := range []byte("$%+,/:;=?@^`|()[]{} \x7f") {
		if strings.IndexByte(all, c) < 0 {
			return c
		}
	}
	return fillers[0]
}

func hash(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 2654435761 >> (32 - hashBits)
}

// next finds the first form at or after from.
func next[T []byte | string](s *Set, p T, from int) (start, end int, found bool) {
	for i := from + s.min; i <= len(p); {
		h := hash(p[i-gram], p[i-2], p[i-1])
		if skip := s.shift[h]; skip != 0 {
			i += int(skip)
			continue
		}
		start = i - s.min
		for _, f := range s.ending[h] {
			if hasPrefix(p[start:], f) {
				return start, start + len(f), true
			}
		}
		i++
	}
	return 0, 0, false
}

func hasPrefix[T []byte | string](p T, f string) bool {
	return len(p) >= len(f) && string(p[:len(f)]) == f
}

// beginning returns where the first form may begin of which p has no more than the beginning, or len(p).
func (s *Set) beginning(p []byte) int {
	from := max(0, len(p)-s.max+1)
	for i := from; i < len(p); i++ {
		if i+1 < len(p) {
			pair := uint16(p[i])<<8 | uint16(p[i+1])
			if s.pairs[pair>>6]&(1<<(pair&63)) == 0 {
				continue
			}
		}
		rest := p[i:]
		for _, f := range s.starting[p[i]] {
			if len(rest) < len(f) && f[:len(rest)] == string(rest) {
				return i
			}
		}
	}
	return len(p)
}

// remainder returns how much of the beginning of p is the end of a form.
func (s *Set) remainder(p []byte) int {
	longest := 0
	for _, f := range s.tails {
		for n := min(len(f)-1, len(p)); n >= partial && n > longest; n-- {
			if f[len(f)-n:] == string(p[:n]) {
				longest = n
			}
		}
	}
	return longest
}

// cover overwrites p.
func (s *Set) cover(p []byte) {
	for i := range p {
		p[i] = s.filler
	}
}

// String covers the forms in a text and returns how many there were.
func (s *Set) String(text string) (string, int) {
	if s == nil || len(text) < s.min {
		return text, 0
	}
	start, end, found := next(s, text, 0)
	if !found {
		return text, 0
	}
	out, hits := []byte(text), 0
	for ; found; start, end, found = next(s, text, start+1) {
		s.cover(out[start:end])
		hits++
	}
	return string(out), hits
}

// In reports whether a text holds a form, whatever the case of its letters.
func (s *Set) In(text string) bool {
	if s == nil || len(text) < s.min {
		return false
	}
	if _, _, found := next(s, text, 0); found {
		return true
	}
	lower := strings.ToLower(text)
	return slices.ContainsFunc(s.lower, func(f string) bool { return strings.Contains(lower, f) })
}

// Live is the set that applies now. It may be replaced while streams go on. The zero Live is empty.
type Live struct{ set atomic.Pointer[Set] }

// Store replaces the set.
func (l *Live) Store(s *Set) { l.set.Store(s) }

// Load returns the set.
func (l *Live) Load() *Set { return l.set.Load() }
