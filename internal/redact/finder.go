package redact

// Finder looks for the forms of a set in a stream that it leaves alone. The zero Finder finds nothing.
type Finder struct {
	set   *Set
	tail  []byte // the end of what has been seen, in which a form may begin
	found bool
}

// Finder returns a finder for one stream.
func (s *Set) Finder() Finder { return Finder{set: s} }

// Find looks at the next part of the stream, and reports, once, that a form has been found.
func (f *Finder) Find(p []byte) bool {
	if f.set == nil || f.found {
		return false
	}
	if len(f.tail) > 0 { // a form that lies across the border ends within its first bytes
		f.tail = append(f.tail, p[:min(len(p), f.set.max)]...)
		_, _, f.found = next(f.set, f.tail, 0)
	}
	if !f.found {
		_, _, f.found = next(f.set, p, 0)
	}
	if f.found {
		f.tail = nil
		return true
	}
	if len(p) >= f.set.max {
		f.tail = f.tail[:0]
	}
	rest := f.tail
	if len(p) >= f.set.max || len(rest) == 0 {
		rest = p
	}
	f.tail = append(f.tail[:0], rest[f.set.beginning(rest):]...)
	return false
}
