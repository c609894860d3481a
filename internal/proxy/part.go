package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"authsome/internal/redact"
)

// minMargin is how much more than a range is asked for at least, for credentials that come to be meanwhile.
const minMargin = 4 << 10

// part is a range that the client has asked for (RFC 9110 section 14). Taken as it is it could end within a secret, of which two
// ranges would give the two halves. So more is asked for: as much before and behind as the longest form has. What is looked for
// is then whole wherever it touches the range, and of the answer the client gets what it has asked for.
type part struct {
	first, last int64 // last is unlimited if the client wants all there is from first on
	suffix      int64 // how much of the end the client wants; the others are of no account if it is not 0
	margin      int64
}

const unlimited = int64(1)<<62 - 1

// parsePart parses what can be had as a part: one range in bytes. Of others the whole is asked for, which a server may send
// in any case.
func parsePart(ranges []string, margin int64) *part {
	if len(ranges) != 1 {
		return nil
	}
	unit, spec, _ := strings.Cut(ranges[0], "=")
	from, to, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return nil
	}
	p := &part{last: unlimited, margin: margin}
	var first, last bool
	p.first, first = position(from)
	if to != "" {
		p.last, last = position(to)
	}
	switch {
	case first && (last || to == "") && p.first <= p.last:
		return p
	case from == "" && last && p.last > 0:
		p.suffix = p.last
		return p
	}
	return nil
}

// position parses a number of at most 18 digits.
func position(s string) (int64, bool) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// asked is the range that is asked for.
func (p *part) asked() (first, last int64) {
	first, last = max(0, p.first-p.margin), p.last
	if last != unlimited {
		last += p.margin
	}
	return first, last
}

// field is what the server is asked for, as the value of Range.
func (p *part) field() string {
	first, last := p.asked()
	switch {
	case p.suffix > 0:
		return fmt.Sprintf("bytes=-%d", p.suffix+p.margin)
	case last == unlimited:
		return fmt.Sprintf("bytes=%d-", first)
	default:
		return fmt.Sprintf("bytes=%d-%d", first, last)
	}
}

// askPart widens the range of a request, or has the whole asked for where that cannot be done.
func (x *exchange) askPart() {
	h := x.out.Header
	x.part = nil
	if h["Range"] == nil && h["If-Range"] == nil {
		return
	}
	if x.in.Method == http.MethodGet {
		x.part = parsePart(h["Range"], int64(max(minMargin, 2*x.cover.live.Load().Longest())))
	}
	if x.part == nil {
		delete(h, "Range")
		delete(h, "If-Range")
		return
	}
	h["Range"] = []string{x.part.field()}
	h["Accept-Encoding"] = []string{"identity"} // of what is compressed a part cannot be decoded
}

// window is what a server says that it has sent (RFC 9110 section 14.4).
type window struct {
	first, last int64
	total       int64 // -1: unknown
}

func parseWindow(fields []string) (window, bool) {
	if len(fields) != 1 {
		return window{}, false
	}
	spec, ok := strings.CutPrefix(fields[0], "bytes ")
	span, total, slash := strings.Cut(spec, "/")
	from, to, dash := strings.Cut(span, "-")
	if !ok || !slash || !dash {
		return window{}, false
	}
	w := window{total: -1}
	first, okFirst := position(from)
	last, okLast := position(to)
	if total != "*" {
		if w.total, ok = position(total); !ok || last >= w.total {
			return window{}, false
		}
	}
	w.first, w.last = first, last
	return w, okFirst && okLast && first <= last
}

// cut returns what of a window the client gets, or false for a window that was not asked for. It may be empty: the client then
// wants what is behind the end.
func (p *part) cut(w window) (first, last int64, ok bool) {
	from, to := p.asked()
	first, last = p.first, p.last
	if p.suffix > 0 {
		if w.total < 0 {
			return 0, 0, false
		}
		from, to = max(0, w.total-p.suffix-p.margin), w.total-1
		first, last = max(0, w.total-p.suffix), w.total-1
	}
	if w.first != from || w.last > to {
		return 0, 0, false
	}
	if w.last == w.total-1 {
		return first, min(last, w.last), true
	}
	last = min(last, w.last-p.margin) // more follows, of which the end may be the beginning of a secret
	return first, last, first <= last
}

// cutPart makes an answer that is more than the client has asked for what the client has asked for. It comes when the answer's
// body is looked through. coding is that of its messages, if it has any.
func (g *guarded) cutPart(coding string) *refusal {
	x, h := g.x, g.resp.Header
	if x.part == nil {
		if !holdsBytes(h) {
			return nil
		}
		return x.undecodable("%s answered with a part that it was not asked for, so that it cannot be looked through for the credential", x.d)
	}
	w, ok := parseWindow(h["Content-Range"])
	var first, last int64
	if ok {
		first, last, ok = x.part.cut(w)
	}
	if !ok || coding != "" || len(codingsOf(h)) > 0 || int64(g.set.Longest()) > x.part.margin {
		return x.undecodable("%s answered with another part than it was asked for, so that it cannot be looked through for the credential", x.d)
	}
	if x.freshIn(g.resp) != nil {
		return x.undecodable("%s answered with a part of what may hold new credentials", x.d)
	}
	delete(h, "Content-Md5") // they are about what the server has sent
	delete(h, "Content-Digest")
	if first > w.last {
		g.beyond(w)
		return nil
	}
	h["Content-Range"] = []string{fmt.Sprintf("bytes %d-%d/%s", first, last, totalOf(w))}
	g.resp.ContentLength = last - first + 1
	h["Content-Length"] = []string{strconv.FormatInt(g.resp.ContentLength, 10)}
	g.part = &partReader{skip: first - w.first, left: g.resp.ContentLength, begins: w.first == 0}
	return nil
}

// holdsBytes reports whether a part was counted in bytes. Nobody is asked for such a part in Range if it cannot be widened, but
// some servers know further fields for that: Request-Range (Apache), X-Ms-Range (Azure). Others send pages of a list as parts,
// which cut through no value.
func holdsBytes(h http.Header) bool {
	for _, v := range h["Content-Range"] {
		if len(v) >= len("bytes") && strings.EqualFold(v[:len("bytes")], "bytes") {
			return true
		}
	}
	kind := strings.ToLower(h.Get("Content-Type"))
	return strings.HasPrefix(kind, "multipart/") && strings.Contains(kind, "byteranges")
}

// beyond answers a client that wants what is behind the end.
func (g *guarded) beyond(w window) {
	total := w.total
	if total < 0 {
		total = w.last + 1
	}
	_ = g.resp.Body.Close()
	g.resp.Body, g.resp.ContentLength = http.NoBody, 0
	g.resp.StatusCode = http.StatusRequestedRangeNotSatisfiable
	g.resp.Status = strconv.Itoa(g.resp.StatusCode) + " " + http.StatusText(g.resp.StatusCode)
	g.resp.Header["Content-Range"] = []string{fmt.Sprintf("bytes */%d", total)}
	g.resp.Header["Content-Length"] = []string{"0"}
}

func totalOf(w window) string {
	if w.total < 0 {
		return "*"
	}
	return strconv.FormatInt(w.total, 10)
}

// partReader passes on a part of what a reader has to say, and reads the rest: only its end brings the trailers.
type partReader struct {
	r          *redact.Reader
	skip, left int64
	begins     bool // it begins where the whole does
}

// Read reads from the part.
func (p *partReader) Read(b []byte) (int, error) {
	if p.skip > 0 {
		n, err := io.CopyN(io.Discard, p.r, p.skip)
		p.skip -= n
		if err != nil {
			return 0, unexpected(err)
		}
	}
	if p.left == 0 {
		_, err := io.Copy(io.Discard, p.r)
		if err == nil {
			err = io.EOF
		}
		return 0, err
	}
	n, err := p.r.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	if err == io.EOF && p.left > 0 { //nolint:errorlint // EOF itself is the end
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // EOF itself is the end
		return io.ErrUnexpectedEOF
	}
	return err
}
