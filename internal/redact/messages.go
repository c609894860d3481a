package redact

import (
	"bytes"
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

var errMessageTooLong = errors.New("a message becomes too long when it is decoded")

// Messages returns the body of a stream of messages with those decoded that are compressed in a coding. Others pass as they
// arrive. What it reads is looked at no further than that: a length that is a lie ends in the middle.
func Messages(body io.Reader, coding string) (io.Reader, error) {
	if !Decodes(coding) {
		return nil, fmt.Errorf("decode messages: the coding %q is unknown", coding)
	}
	return &messages{src: body, coding: coding, limit: maxMessage}, nil
}

type messages struct {
	src    io.Reader
	coding string
	limit  int64  // of what a message may become
	out    []byte // what is still to be returned, before anything else is read
	left   int64  // what is left of a message that passes as it is
	whole  bytes.Buffer
	err    error
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
			m.err = m.next()
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
	m.whole.Reset()
	m.whole.Write(prefix)
	if err := m.decode(io.LimitReader(m.src, length)); err != nil {
		return err
	}
	m.out = m.whole.Bytes()
	binary.BigEndian.PutUint32(m.out[1:], uint32(len(m.out)-prefixSize)) //nolint:gosec // no longer than maxMessage
	return nil
}

func (m *messages) decode(message io.Reader) error {
	d, err := Decode(message, m.coding)
	if err != nil {
		return err
	}
	defer d.Close()
	n, err := io.Copy(&m.whole, io.LimitReader(d, m.limit+1))
	if err != nil {
		return err
	}
	if n > m.limit {
		return errMessageTooLong
	}
	_, err = io.Copy(io.Discard, message) // what follows the end of the compressed data in the message is no part of it
	return err
}

// ended is the error of a stream that ends within a prefix: bytes that are there are passed on, and then it is over.
func ended(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}
