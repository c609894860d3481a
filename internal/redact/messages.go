package redact

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxMessage bounds what a message may become when it is decoded. It has to be known whole before its length can be written.
const maxMessage = 32 << 20

// prefixSize is the size of what precedes each message: a byte of flags, of which the lowest says that the message is compressed,
// and the length. So it is in gRPC, gRPC-Web and the streams of Connect.
const prefixSize = 5

// ErrTooMuch is why a message is not decoded that becomes too long, by itself or together with those of other streams. Nothing of it
// has been returned.
var ErrTooMuch = errors.New("a compressed message, or all that there are at a time, becomes too long when it is decoded")

// Messages returns the body of a stream of messages with those decoded that are compressed in a coding. Others pass as they
// arrive. What it reads is looked at no further than that: a length that is a lie ends in the middle. What it holds comes out of
// the budget, and goes back when it is read, and at Close, which does not close the body. If last is not nil, it is what the stream
// ends with, in place of [ErrTooMuch].
func Messages(body io.Reader, coding string, budget *Budget, last []byte) (io.ReadCloser, error) {
	if !Decodes(coding) {
		return nil, fmt.Errorf("decode messages: the coding %q is unknown", coding)
	}
	return &messages{src: body, coding: coding, limit: maxMessage, whole: store{budget: budget}, last: last}, nil
}

type messages struct {
	src    io.Reader
	coding string
	limit  int64  // of what a message may become
	out    []byte // what is still to be returned, before anything else is read
	left   int64  // what is left of a message that passes as it is
	whole  store  // a message that was decoded, to be returned likewise
	last   []byte
	err    error
}

// Close gives back what the stream holds.
func (m *messages) Close() error {
	m.whole.reset()
	m.out = nil
	if m.err == nil {
		m.err = io.ErrClosedPipe
	}
	return nil
}

// Read returns what is known.
func (m *messages) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		switch {
		case len(m.out) > 0:
			n := copy(p, m.out)
			m.out = m.out[n:]
			return n, nil
		case m.whole.held():
			return m.whole.read(p), nil
		case m.err != nil:
			return 0, m.err
		case m.left > 0:
			n, err := m.src.Read(p[:min(int64(len(p)), m.left)])
			m.left -= int64(n)
			m.err = err
			if n > 0 {
				return n, nil
			}
		default:
			if m.err = m.next(); m.last != nil && errors.Is(m.err, ErrTooMuch) {
				m.out, m.err = m.last, io.EOF
			}
		}
	}
}

// next reads the prefix of a message, and the message if it is compressed.
func (m *messages) next() error {
	prefix := make([]byte, prefixSize)
	if n, err := io.ReadFull(m.src, prefix); err != nil {
		m.out = prefix[:n]
		return ended(err)
	}
	length := int64(binary.BigEndian.Uint32(prefix[1:]))
	if prefix[0]&1 == 0 {
		m.out, m.left = prefix, length
		return nil
	}
	prefix[0] &^= 1
	n, err := m.decode(prefix, io.LimitReader(m.src, length))
	if err != nil {
		m.whole.reset() // of what cannot be known whole nothing leaves
		return err
	}
	binary.BigEndian.PutUint32(m.whole.chunks[0][1:], uint32(n)) //nolint:gosec // no longer than maxMessage
	return nil
}

// decode decodes a message into what is still to be returned, behind its prefix.
func (m *messages) decode(prefix []byte, message io.Reader) (int64, error) {
	if err := m.whole.begin(prefix); err != nil {
		return 0, err
	}
	d, err := Decode(message, m.coding)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	n, err := m.whole.fill(io.LimitReader(d, m.limit+1))
	if err != nil {
		return 0, err
	}
	if n > m.limit {
		return 0, ErrTooMuch
	}
	_, err = io.Copy(io.Discard, message) // what follows the end of the compressed data in the message is no part of it
	return n, err
}

// ended is the error of a stream that ends within a prefix: bytes that are there are passed on, and then it is over.
func ended(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}
