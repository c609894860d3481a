package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// errHeadTooLarge is the error of a head that exceeds its bound.
var errHeadTooLarge = errors.New("the head is too large")

// enlarge makes sure that one byte more than what is buffered fits into the reader; a larger one takes its place when
// it is full. src is what it reads from.
func enlarge(br *bufio.Reader, src io.Reader, limit int) (*bufio.Reader, error) {
	if br.Buffered() >= limit {
		return nil, errHeadTooLarge
	}
	if br.Buffered() < br.Size() {
		return br, nil
	}
	buffered, _ := br.Peek(br.Buffered())
	rest := io.MultiReader(bytes.NewReader(bytes.Clone(buffered)), src)
	larger := bufio.NewReaderSize(rest, min(4*len(buffered), limit))
	_, _ = larger.Peek(len(buffered))
	return larger, nil
}

// errMalformed says what is wrong with a head or with the framing of a body.
type errMalformed string

// Error returns what is wrong.
func (e errMalformed) Error() string { return string(e) }

// fields is what a head or a trailer section holds, and what of it decides about the framing.
type fields struct {
	header    http.Header
	lengths   int
	length    int64 // valid if lengths is 1
	codings   int
	chunked   bool // the coding is "chunked"; valid if codings is 1
	close     bool
	keepAlive bool
}

// parseFields reads field lines up to the empty one and returns what follows it. It refuses what RFC 9112 lets a
// recipient refuse: bare line feeds (section 2.2), folding (5.2), white space before the colon (5.1), and characters
// that do not belong there.
func parseFields(s string, f *fields) (rest string, err error) {
	n := strings.Count(s, "\n")
	f.header = make(http.Header, n)
	values := make([]string, 0, n) // one allocation for all
	for {
		line, after, ok := cutLine(s)
		if !ok {
			return "", errMalformed("a line does not end in CRLF")
		}
		if s = after; line == "" {
			return s, nil
		}
		colon := strings.IndexByte(line, ':')
		if colon < 0 || !isToken(line[:colon]) {
			return "", errMalformed("malformed header field name")
		}
		name, value := textproto.CanonicalMIMEHeaderKey(line[:colon]), trimBlank(line[colon+1:])
		if hasControl(value) {
			return "", errMalformed("control character in a header field")
		}
		if err := f.note(name, value); err != nil {
			return "", err
		}
		if old, ok := f.header[name]; ok {
			f.header[name] = append(old, value)
			continue
		}
		values = append(values, value)
		f.header[name] = values[len(values)-1 : len(values) : len(values)]
	}
}

// cutLine splits off a line that ends in CRLF.
func cutLine(s string) (line, rest string, ok bool) {
	i := strings.IndexByte(s, '\n')
	if i < 1 || s[i-1] != '\r' {
		return "", s, false
	}
	return s[:i-1], s[i+1:], true
}

// note keeps in mind what decides about the framing.
func (f *fields) note(name, value string) error {
	switch name {
	case "Content-Length":
		f.lengths++
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || value[0] == '+' {
			return errMalformed("malformed Content-Length")
		}
		f.length = int64(n)
	case "Transfer-Encoding":
		f.codings++
		f.chunked = strings.EqualFold(value, "chunked")
	case "Connection":
		for option := range strings.SplitSeq(value, ",") {
			option = trimBlank(option)
			f.close = f.close || strings.EqualFold(option, "close")
			f.keepAlive = f.keepAlive || strings.EqualFold(option, "keep-alive")
		}
	}
	return nil
}

func trimBlank(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2.
func isToken[S ~string | ~[]byte](s S) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return len(s) > 0
}

// isTokenByte looks a byte up in two words of bits.
func isTokenByte(c byte) bool {
	const (
		punctuation = 1<<'!' | 1<<'#' | 1<<'$' | 1<<'%' | 1<<'&' | 1<<'\'' | 1<<'*' | 1<<'+' | 1<<'-' | 1<<'.'
		digits      = (1<<10 - 1) << '0'
		letters     = (1<<26-1)<<('A'-64) | (1<<26-1)<<('a'-64)
		others      = 1<<('^'-64) | 1<<('_'-64) | 1<<('`'-64) | 1<<('|'-64) | 1<<('~'-64)
	)
	switch {
	case c < 64:
		return uint64(punctuation|digits)>>c&1 == 1
	case c < 128:
		return uint64(letters|others)>>(c-64)&1 == 1
	}
	return false
}

// hasControl reports whether s holds a character that RFC 9110 section 5.5 forbids in a field value.
func hasControl[S ~string | ~[]byte](s S) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}
