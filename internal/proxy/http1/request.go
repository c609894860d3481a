package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// requestError is a fault of the client that it is told about.
type requestError struct {
	status int
	why    string
}

// Error returns what is wrong with the request.
func (e *requestError) Error() string { return e.why }

func badRequest(format string, args ...any) error {
	return &requestError{status: http.StatusBadRequest, why: fmt.Sprintf(format, args...)}
}

// readRequest waits for the next request and parses its head. An error that is no requestError ends the connection
// without a word.
func (c *conn) readRequest(first bool) (*http.Request, error) {
	head, err := c.readHead(first)
	if err != nil {
		return nil, err
	}
	if err := checkHead(head); err != nil {
		return nil, err
	}
	req, err := http.ReadRequest(c.br)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	if req.ProtoMajor != 1 {
		return nil, &requestError{http.StatusHTTPVersionNotSupported, "the version is not HTTP/1.1"}
	}
	if expect := req.Header.Get("Expect"); expect != "" && !strings.EqualFold(expect, "100-continue") {
		return nil, &requestError{http.StatusExpectationFailed, "only 100-continue can be expected"}
	}
	return req.WithContext(c.ctx), nil
}

// readHead waits until the buffer holds a whole head and returns it; it is still to be read.
func (c *conn) readHead(first bool) ([]byte, error) {
	timed := false
	setDeadline := func() {
		if !timed && c.server.HeaderTimeout > 0 {
			_ = c.rwc.SetReadDeadline(time.Now().Add(c.server.HeaderTimeout))
			timed = true
		}
	}
	if first {
		setDeadline()
	}
	for seen := 0; ; {
		buffered, _ := c.br.Peek(c.br.Buffered())
		if end := headEnd(buffered, seen); end > 0 {
			if timed {
				_ = c.rwc.SetReadDeadline(time.Time{})
			}
			return buffered[:end], nil
		}
		if seen = len(buffered); seen > 0 {
			setDeadline()
		}
		if err := c.room(buffered); err != nil {
			return nil, err
		}
		if _, err := c.br.Peek(seen + 1); err != nil {
			return nil, fmt.Errorf("read a request: %w", err)
		}
	}
}

// headEnd returns the length of the head that buf begins with, or 0 when its end has not come yet. The first seen bytes
// have been searched before.
func headEnd(buf []byte, seen int) int {
	from := max(0, seen-3)
	if i := bytes.Index(buf[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 4
	}
	// A head of bare line feeds has no such end: do not wait for it.
	if i := bytes.Index(buf[from:], []byte("\n\n")); i >= 0 {
		return from + i + 2
	}
	return 0
}

// room makes sure that one byte more than buffered fits into the reader.
func (c *conn) room(buffered []byte) error {
	limit := c.server.maxHeaderBytes()
	if len(buffered) >= limit {
		return &requestError{http.StatusRequestHeaderFieldsTooLarge, "the head is too large"}
	}
	if len(buffered) == c.br.Size() {
		rest := io.MultiReader(bytes.NewReader(bytes.Clone(buffered)), c.rwc)
		c.br = bufio.NewReaderSize(rest, min(4*len(buffered), limit))
		_, _ = c.br.Peek(len(buffered))
	}
	return nil
}

// checkHead refuses what RFC 9112 lets a recipient refuse and what other recipients have been seen to understand
// otherwise: sections 2.2 (bare line feeds), 5.2 (folding), 6.1 (both framings), 6.3 (repeated lengths), 3.2 (hosts).
func checkHead(head []byte) error {
	line, rest, ok := bytes.Cut(head, []byte("\r\n"))
	if !ok || len(line) == 0 || hasControl(line) {
		return badRequest("malformed request line")
	}
	http10 := bytes.HasSuffix(line, []byte(" HTTP/1.0"))
	hosts, lengths, codings := 0, 0, 0
	for {
		line, rest, ok = bytes.Cut(rest, []byte("\r\n"))
		if !ok {
			return badRequest("a line does not end in CRLF")
		}
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !isToken(name) {
			return badRequest("malformed header field name")
		}
		if hasControl(value) {
			return badRequest("control character in the header field %q", name)
		}
		switch {
		case equalFold(name, "host"):
			hosts++
		case equalFold(name, "content-length"):
			lengths++
		case equalFold(name, "transfer-encoding"):
			codings++
		}
	}
	switch {
	case len(rest) != 0:
		return badRequest("a line does not end in CRLF")
	case hosts > 1 || hosts == 0 && !http10:
		return badRequest("there must be one Host header field")
	case http10 && codings > 0: // net/http overlooks it, RFC 9112 section 6.1 does not
		return badRequest("Transfer-Encoding in an HTTP/1.0 request")
	case lengths+codings > 1:
		return badRequest("the length of the body is given more than once")
	}
	return nil
}

func equalFold(name []byte, lower string) bool {
	return len(name) == len(lower) && strings.EqualFold(string(name), lower)
}

// hasControl reports whether b holds a character that RFC 9110 section 5.5 forbids in a field value.
func hasControl(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// isToken reports whether b is a token of RFC 9110 section 5.6.2.
func isToken(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return len(b) > 0
}
