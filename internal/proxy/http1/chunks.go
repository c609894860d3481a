package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
)

const (
	maxChunkLine = 4 << 10
	maxTrailer   = 64 << 10
	// maxChunkLines bounds what the sizes of chunks may take beyond what is reasonable, in sum: a body of chunks with
	// long extensions is an attack.
	maxChunkLines = 16 << 10
)

// chunks reads the chunked coding, RFC 9112 section 7.1, strictly: what ends a line is CRLF, a size is a hexadecimal
// number of up to 15 digits, and extensions are skipped within bounds.
type chunks struct {
	src     *stream
	trailer func(http.Header) // takes the trailer section; may be nil
	left    int64             // of the chunk being read
	started bool              // a chunk has been read, whose CRLF is still to come
	excess  int               // how much more than expected the lines have taken
	err     error
}

// Read reads data. With the last of them it reports io.EOF, if their end has arrived.
func (c *chunks) Read(p []byte) (n int, err error) {
	for c.err == nil && n < len(p) {
		if c.left == 0 {
			if n > 0 && !c.lineIsHere() {
				break
			}
			c.err = c.next()
			continue
		}
		if n > 0 && c.src.Buffered() == 0 {
			break
		}
		var m int
		m, c.err = c.src.Read(p[n:min(int64(len(p)), int64(n)+c.left)])
		n, c.left = n+m, c.left-int64(m)
		c.err = unexpected(c.err)
	}
	if n > 0 && c.err != nil && !errors.Is(c.err, io.EOF) {
		return n, nil // the error comes next
	}
	return n, c.err
}

// lineIsHere reports whether the next chunk's line can be read without waiting.
func (c *chunks) lineIsHere() bool {
	buffered, _ := c.src.Peek(c.src.Buffered())
	if len(buffered) > 3 && buffered[2] == '0' && buffered[3] == '\r' { // the last one: its trailer section must be here
		return bytes.Contains(buffered[2:], []byte("\r\n\r\n"))
	}
	if c.started {
		buffered = buffered[min(2, len(buffered)):]
	}
	return bytes.IndexByte(buffered, '\n') >= 0
}

// next reads the line before a chunk, and after the last one the trailer section. Then it returns io.EOF.
func (c *chunks) next() error {
	if c.started {
		end, err := c.src.Peek(2)
		if err != nil {
			return unexpected(err)
		}
		if string(end) != "\r\n" {
			return errMalformed("a chunk does not end in CRLF")
		}
		_, _ = c.src.Discard(2)
	}
	line, err := c.line(maxChunkLine)
	if err != nil {
		return err
	}
	size, err := parseChunkSize(line)
	if err != nil {
		return err
	}
	// A line of 16 bytes for a chunk of any size is fine, as is one that is short in proportion to its chunk.
	c.excess = max(0, c.excess+len(line)-16-int(size/8))
	if c.excess > maxChunkLines {
		return errMalformed("too much beside the data of the chunks")
	}
	c.left, c.started = size, true
	if size > 0 {
		return nil
	}
	return c.end()
}

// line reads a line without its CRLF, which must be one.
func (c *chunks) line(limit int) ([]byte, error) {
	line, err := c.src.ReadSlice('\n')
	if err != nil {
		return nil, unexpected(err)
	}
	if len(line) > limit || len(line) < 2 || line[len(line)-2] != '\r' || bytes.IndexByte(line[:len(line)-2], '\r') >= 0 {
		return nil, errMalformed("malformed line in a chunked body")
	}
	return line[:len(line)-2], nil
}

func parseChunkSize(line []byte) (int64, error) {
	size, digits := int64(0), 0
	for ; digits < len(line); digits++ {
		v := hexValue(line[digits])
		if v < 0 {
			break
		}
		size = size<<4 | int64(v)
	}
	rest := bytes.TrimLeft(line[digits:], " \t")
	if digits == 0 || digits > 15 || len(rest) > 0 && rest[0] != ';' || len(rest) == 0 && len(line) > digits || hasControl(string(rest)) {
		return 0, errMalformed("malformed size of a chunk")
	}
	return size, nil
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// end reads the trailer section.
func (c *chunks) end() error {
	var section []byte
	for {
		line, err := c.src.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return unexpected(err)
		}
		if len(section)+len(line) > maxTrailer {
			return errMalformed("the trailer section is too large")
		}
		if section = append(section, line...); err == nil && endsSection(section) {
			break
		}
	}
	if string(section) == "\r\n" {
		return io.EOF
	}
	var f fields
	if rest, err := parseFields(string(section), &f); err != nil || rest != "" {
		return errMalformed("malformed trailer section")
	}
	if c.trailer != nil {
		c.trailer(f.header)
	}
	return io.EOF
}

// endsSection reports whether the last line is empty.
func endsSection(section []byte) bool {
	return len(section) <= 2 || bytes.HasSuffix(section, []byte("\n\r\n")) || bytes.HasSuffix(section, []byte("\n\n"))
}

// mergeTrailer puts the fields of a trailer section where those announced have their place.
func mergeTrailer(into *http.Header, trailer http.Header) {
	if *into == nil {
		*into = make(http.Header, len(trailer))
	}
	for name, values := range trailer {
		if MayTrail(name) {
			(*into)[name] = values
		}
	}
}

// unexpected makes the end of a connection the error that it is within a message.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
