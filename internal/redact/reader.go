package redact

import (
	"errors"
	"io"
	"slices"
)

// Reader reads a stream in which every form of a set is covered. It is not safe for concurrent use.
type Reader struct {
	src     io.Reader
	live    *Live
	partway bool // the stream may begin within a secret
	prompt  bool // somebody waits for the last byte of each piece
	sent    int  // how much of the carry has been passed on nevertheless
	carry   []byte
	covered int // how much of the carry belongs to a form that has been found
	err     error
	hits    int
	found   []span
	small   []byte // for callers with small buffers
	ready   []byte // of small, what is still to be returned
}

type span struct{ start, end int }

// NewReader reads from src. When live changes, so does what is looked for in the rest of the stream.
func NewReader(src io.Reader, live *Live) *Reader { return &Reader{src: src, live: live} }

// Partway says that the stream is a part of another one, so that it may begin within a secret: its beginning is held
// back until that is known.
func (r *Reader) Partway() { r.partway = true }

// promptly is how many bytes that could be the beginning of a secret are passed on by an interactive stream. As much is known
// of most secrets: what kind they are.
const promptly = 3

// Interactive says that somebody answers to each piece of the stream, and must not wait for a byte of it until the next one:
// what is held back is passed on if it is no more than three bytes. If it turns out to have been the beginning of a secret, the
// rest of that is covered.
func (r *Reader) Interactive() { r.prompt = true }

// Hits returns how many forms have been covered so far.
func (r *Reader) Hits() int { return r.hits }

// Read reads what can be passed on. It returns nothing while all there is could be the beginning of a secret and more
// can come.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if len(r.ready) > 0 {
			n := copy(p, r.ready)
			r.ready = r.ready[n:]
			return n, nil
		}
		if r.err != nil {
			return 0, r.err
		}
		set := r.live.Load()
		if n := r.need(set); len(p) < n {
			if len(r.small) < n {
				r.small = make([]byte, n)
			}
			n := r.fill(set, r.small)
			r.ready = append(r.small[:n:n], r.ready...) // what fill left there is the end of the stream
			continue
		}
		if n := r.fill(set, p); n > 0 {
			return n, nil
		}
	}
}

// need returns the least size of a buffer that a stream can get on with.
func (r *Reader) need(set *Set) int {
	if set == nil {
		return len(r.carry) + 1
	}
	return 2*max(set.max, len(r.carry)) + 1
}

// fill reads once into p, covers what has to be, and returns how much of p can be passed on.
func (r *Reader) fill(set *Set, p []byte) int {
	n := copy(p, r.carry)
	read, err := r.read(set, p[n:])
	r.err = err
	data := p[:n+read]
	if set == nil {
		r.carry, r.covered = r.carry[:0], 0
		return len(data)
	}
	if r.partway && len(data) > 0 {
		r.partway = false
		if r.covered = set.remainder(data); r.covered > 0 {
			r.hits++
		}
	}
	end := r.end(set, data)
	r.search(set, data, end)
	r.carry = append(r.carry[:0], data[end:]...)
	r.cover(set, data, end)
	return r.pass(data, end)
}

// pass moves what leaves to the beginning of the data, and returns how much that is.
func (r *Reader) pass(data []byte, end int) int {
	from, to := min(r.sent, end), end // of what is carried over to the next read, some may have left already
	r.sent = max(0, r.sent-end)
	if r.prompt && r.err == nil && r.covered == 0 && len(r.carry) <= promptly {
		if from == end { // nothing but the carry leaves
			from = end + r.sent
		}
		to, r.sent = len(data), len(r.carry)
	}
	if from == 0 {
		return to
	}
	return copy(data, data[from:to])
}

func (r *Reader) read(set *Set, p []byte) (int, error) {
	if !r.partway || set == nil {
		return r.src.Read(p)
	}
	n, err := io.ReadAtLeast(r.src, p, set.max)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// end returns how much of the data can be passed on.
func (r *Reader) end(set *Set, data []byte) int {
	end := set.beginning(data)
	switch {
	case r.err == nil || end == len(data):
	case !errors.Is(r.err, io.EOF): // it broke off, and nobody will miss the rest
	case len(data)-end < partial:
		return len(data)
	}
	return end
}

// search finds the forms that begin before end. What begins after it is looked at again with what follows.
func (r *Reader) search(set *Set, data []byte, end int) {
	r.found = r.found[:0]
	for from := 0; from < end; {
		start, stop, ok := next(set, data, from)
		if !ok || start >= end {
			return
		}
		r.hits++
		if last := len(r.found) - 1; last >= 0 && start <= r.found[last].end {
			r.found[last].end = max(r.found[last].end, stop)
		} else {
			r.found = append(r.found, span{start, stop})
		}
		from = start + 1
	}
}

// cover overwrites what has been found before end, and keeps in mind how much of the carry is part of it.
func (r *Reader) cover(set *Set, data []byte, end int) {
	reach := r.covered
	set.cover(data[:min(reach, end)])
	for _, s := range r.found {
		set.cover(data[s.start:min(s.end, end)])
		reach = max(reach, s.end)
	}
	r.covered = max(0, reach-end)
	if r.err != nil && len(r.carry) > 0 {
		r.last(set)
	}
}

// last passes on what was held back when the stream is over: covered, as much of a secret as it is.
func (r *Reader) last(set *Set) {
	if errors.Is(r.err, io.EOF) {
		r.ready = slices.Clone(r.carry[min(r.sent, len(r.carry)):])
		set.cover(r.ready)
		r.hits++
	}
	r.carry, r.covered = r.carry[:0], 0
}

// Bytes covers the forms in a whole body, in place, and returns how many there were.
func (s *Set) Bytes(p []byte) int {
	if s == nil {
		return 0
	}
	r := Reader{err: io.EOF}
	end := r.end(s, p)
	r.search(s, p, end)
	r.cover(s, p, end)
	if end < len(p) {
		r.hits++
		s.cover(p[end:])
	}
	return r.hits
}
