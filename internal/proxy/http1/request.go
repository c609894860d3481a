package http1

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
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
	req, err := c.parseRequest(head)
	if err != nil {
		return nil, err
	}
	if expect := req.Header.Get("Expect"); expect != "" && !strings.EqualFold(expect, "100-continue") {
		return nil, &requestError{http.StatusExpectationFailed, "only 100-continue can be expected"}
	}
	return req, nil
}

// readHead waits for a whole head and takes it from the connection.
func (c *conn) readHead(first bool) (string, error) {
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
		buffered, _ := c.in.Peek(c.in.Buffered())
		if end := headEnd(buffered, seen); end > 0 {
			if timed {
				_ = c.rwc.SetReadDeadline(time.Time{})
			}
			head := string(buffered[:end])
			_, _ = c.in.Discard(end)
			return head, nil
		}
		if seen = len(buffered); seen > 0 {
			setDeadline()
		}
		larger, err := enlarge(c.in.Reader, c.rwc, c.server.maxHeaderBytes())
		if err != nil {
			return "", &requestError{http.StatusRequestHeaderFieldsTooLarge, err.Error()}
		}
		c.in.Reader = larger
		if _, err := c.in.Peek(seen + 1); err != nil {
			return "", fmt.Errorf("read a request: %w", err)
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

// parseRequest reads the head of a request. It refuses what RFC 9112 lets a recipient refuse and what other recipients
// have been seen to understand otherwise: sections 2.2 (bare line feeds), 3.2 (hosts), 5.2 (folding), 6.1 (both
// framings), 6.3 (repeated lengths).
func (c *conn) parseRequest(head string) (*http.Request, error) {
	line, rest, ok := cutLine(head)
	if !ok || hasControl(line) {
		return nil, badRequest("malformed request line")
	}
	r := c.newRequest()
	if err := parseRequestLine(line, r); err != nil {
		return nil, err
	}
	var f fields
	switch rest, err := parseFields(rest, &f); {
	case err != nil:
		return nil, badRequest("%v", err)
	case rest != "":
		return nil, badRequest("a line does not end in CRLF")
	}
	r.Header = f.header
	r.Close = f.close || r.ProtoMinor == 0 && !f.keepAlive
	if err := setHost(r); err != nil {
		return nil, err
	}
	return r, frameRequest(r, &f)
}

// newRequest returns a request whose life is that of the connection.
func (c *conn) newRequest() *http.Request {
	if c.blank == nil {
		c.blank = new(http.Request).WithContext(c.ctx)
	}
	r := *c.blank
	return &r
}

func parseRequestLine(line string, r *http.Request) error {
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	switch {
	case !isToken(method) || target == "":
		return badRequest("malformed request line")
	case version == "HTTP/1.1":
		r.ProtoMinor = 1
	case version == "HTTP/1.0":
	case len(version) == len("HTTP/2.0") && strings.HasPrefix(version, "HTTP/"):
		return &requestError{http.StatusHTTPVersionNotSupported, "the version is not HTTP/1.1"}
	default:
		return badRequest("malformed request line")
	}
	r.Method, r.RequestURI, r.Proto, r.ProtoMajor = method, target, version, 1
	var err error
	if method == http.MethodConnect && target[0] != '/' { // the authority alone, RFC 9112 section 3.2.3
		r.URL, err = url.ParseRequestURI("http://" + target)
		if err == nil {
			r.URL.Scheme = ""
		}
	} else {
		r.URL, err = url.ParseRequestURI(target)
	}
	if err != nil {
		return badRequest("malformed target")
	}
	return nil
}

// setHost settles whom the request is for: the target says, or else the one Host field (RFC 9112 section 3.2).
func setHost(r *http.Request) error {
	hosts := r.Header["Host"]
	if len(hosts) > 1 || len(hosts) == 0 && r.ProtoMinor == 1 {
		return badRequest("there must be one Host header field")
	}
	if r.Host = r.URL.Host; r.Host == "" && len(hosts) == 1 {
		r.Host = hosts[0]
	}
	delete(r.Header, "Host")
	return nil
}

// frameRequest settles where the request ends, RFC 9112 section 6.3. Whoever reads it attaches the body.
func frameRequest(r *http.Request, f *fields) (err error) {
	r.Body = http.NoBody
	switch {
	case f.lengths+f.codings > 1:
		return badRequest("the length of the body is given more than once")
	case f.codings == 1 && !f.chunked:
		return badRequest("a transfer coding other than chunked")
	case f.codings == 1 && r.ProtoMinor == 0:
		return badRequest("Transfer-Encoding in an HTTP/1.0 request")
	case f.codings == 1:
		delete(r.Header, "Transfer-Encoding")
		r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
		if r.Trailer, err = announced(r.Header); err != nil {
			return badRequest("%v", err)
		}
	case f.lengths == 1:
		r.ContentLength = f.length
	}
	return nil
}
