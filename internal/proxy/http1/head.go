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

// maxFields bounds how many fields there may be: the memory of each is many times the few bytes that one can be written with.
const maxFields = 2000

// parseFields reads field lines up to the empty one and returns what follows it. It refuses what RFC 9112 lets a
// recipient refuse: bare line feeds (section 2.2), folding (5.2), white space before the colon (5.1), and characters
// that do not belong there.
func parseFields(s string, f *fields) (rest string, err error) {
	n := max(strings.Count(s, "\n")-1, 0) // without the empty one
	if n > maxFields {
		return "", errMalformed("too many header fields")
	}
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
		name, value, ok := cutName(line)
		if !ok {
			return "", errMalformed("malformed header field name")
		}
		if value = trimBlank(value); hasControl(value) {
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

// cutName splits a field line behind its name, which it returns in the canonical form of net/http.
func cutName(line string) (name, value string, ok bool) {
	canonical, begins := true, true // a word of the name
	for i := range len(line) {
		c := line[i]
		switch {
		case c == ':' && i > 0:
			if name = line[:i]; !canonical {
				name = textproto.CanonicalMIMEHeaderKey(name)
			}
			return name, line[i+1:], true
		case !isTokenByte(c):
			return "", "", false
		case begins:
			canonical = canonical && (c < 'a' || c > 'z')
		default:
			canonical = canonical && (c < 'A' || c > 'Z')
		}
		begins = c == '-'
	}
	return "", "", false
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
func hasControl(s string) bool {
	for len(s) >= 8 {
		if mayHaveControl(s) && slowHasControl(s[:8]) {
			return true
		}
		s = s[8:]
	}
	return slowHasControl(s)
}

// mayHaveControl looks at eight bytes at once for a control character or a tab.
func mayHaveControl(s string) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	rubout := word ^ 0x7f*each
	return ((word-' '*each)&^word|(rubout-each)&^rubout)&high != 0
}

func slowHasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}
