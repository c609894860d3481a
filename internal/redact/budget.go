package redact

import (
	"errors"
	"io"
	"sync/atomic"
)

// Budget bounds what all streams together hold of messages that are decoded. It is safe for concurrent use; a nil Budget bounds
// nothing.
type Budget struct{ left atomic.Int64 }

// NewBudget makes a budget of so many bytes.
func NewBudget(size int64) *Budget {
	b := new(Budget)
	b.left.Store(size)
	return b
}

// Left returns how many bytes nobody holds.
func (b *Budget) Left() int64 { return b.left.Load() }

func (b *Budget) take(n int) bool {
	if b == nil {
		return true
	}
	if b.left.Add(-int64(n)) < 0 {
		b.left.Add(int64(n))
		return false
	}
	return true
}

func (b *Budget) give(n int) {
	if b != nil {
		b.left.Add(int64(n))
	}
}

const (
	firstChunk = 4 << 10 // most messages are small
	chunkSize  = 64 << 10
)

// store holds bytes in pieces, each of which goes back to the budget when it has been read.
type store struct {
	budget *Budget
	chunks [][]byte // of which each but the last is full
	at     int      // how much of the first has been read
}

// begin puts a few bytes in front.
func (s *store) begin(p []byte) error {
	chunk, err := s.space()
	if err == nil {
		s.chunks[0] = s.chunks[0][:copy(chunk, p)]
	}
	return err
}

// fill adds all that a reader has.
func (s *store) fill(r io.Reader) (int64, error) {
	var total int64
	for {
		chunk, err := s.space()
		if err != nil {
			return total, err
		}
		n, err := r.Read(chunk)
		last := &s.chunks[len(s.chunks)-1]
		*last = (*last)[:len(*last)+n]
		total += int64(n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// space returns what is free of the last piece, or of a new one.
func (s *store) space() ([]byte, error) {
	size := firstChunk
	if n := len(s.chunks); n > 0 {
		if last := s.chunks[n-1]; len(last) < cap(last) {
			return last[len(last):cap(last)], nil
		}
		size = chunkSize
	}
	if !s.budget.take(size) {
		return nil, ErrTooMuch
	}
	s.chunks = append(s.chunks, make([]byte, 0, size))
	return s.chunks[len(s.chunks)-1][:size], nil
}

// held reports whether there is anything.
func (s *store) held() bool { return len(s.chunks) > 0 }

// read returns the next bytes.
func (s *store) read(p []byte) int {
	n := copy(p, s.chunks[0][s.at:])
	if s.at += n; s.at == len(s.chunks[0]) {
		s.drop()
	}
	if len(s.chunks) > 0 && len(s.chunks[0]) == 0 {
		s.drop()
	}
	return n
}

func (s *store) drop() {
	s.budget.give(cap(s.chunks[0]))
	s.chunks[0] = nil
	s.chunks, s.at = s.chunks[1:], 0
}

// reset gives everything back.
func (s *store) reset() {
	for len(s.chunks) > 0 {
		s.drop()
	}
	s.chunks = nil
}
