package http1

import "bufio"

// stream is the reading side of a connection: TLS, buffered, and the wire below.
type stream struct {
	*bufio.Reader
	wire *Wire // nil if there is none
}

// Read reads into p what has arrived. Of a body in bulk it takes all that fits, which a read through TLS does not: that
// gives one record at a time. It never waits for more than the first byte.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if n < bulk || n == len(p) || err != nil || s.wire == nil {
		return n, err
	}
	s.wire.impatient = true
	for n < len(p) && err == nil {
		var more int
		more, err = s.Reader.Read(p[n:])
		n += more
	}
	s.wire.impatient = false
	return n, nil // an error that lasts comes again
}

// quiet reports whether nothing has arrived, not even the end: an idle connection of which that is true can be used.
func (s *stream) quiet() bool {
	if s.wire == nil || s.Buffered() > 0 {
		return false
	}
	s.wire.impatient = true
	_, err := s.Peek(1)
	s.wire.impatient = false
	return err == errNotYet //nolint:errorlint // the very value, not what TLS has made of another time-out
}
