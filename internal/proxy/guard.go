package proxy

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"authsome"
	"authsome/internal/policy"
	"authsome/internal/redact"
)

// Nothing comes back: what an API answers to a request with a credential is looked through for that credential. See package
// redact for what is recognised, and how it is covered.

// freshWithin is how much of a JSON answer is looked through for a token that the API has just made. Token answers (RFC 6749
// section 5.1) are small, and whoever sends more sends data.
const freshWithin = 64 << 10

// freshOfAWS are the members and elements in which AWS hands out credentials: of STS and IAM, of its registries of containers and
// packages, and of EC2, as [redact.Members] has names.
var freshOfAWS = [...]string{
	"secretaccesskey", "sessiontoken", "servicepassword", "servicecredentialsecret", "serviceapikeyvalue", "authorizationtoken", "keymaterial",
}

// maxCodings bounds the codings of one body: each takes a decoder with a window of its own.
const maxCodings = 3

// narrow keeps the client from asking for what could not be looked through: ranges, of which each could hold too little of a
// secret to tell, are widened; codings that nobody here can decode; and compressed messages of WebSockets (RFC 7692) and gRPC.
func (x *exchange) narrow() {
	if x.cover == nil {
		return
	}
	h := x.out.Header
	delete(h, "Sec-Websocket-Extensions")
	delete(h, "Grpc-Accept-Encoding")
	delete(h, "Connect-Accept-Encoding")
	delete(h, "A-Im")           // RFC 3229: codings by another name
	delete(h, "Accept-Charset") // in some, like UTF-7 and UTF-32, a secret is not looked for
	if offered := h["Accept-Encoding"]; offered != nil {
		h["Accept-Encoding"] = []string{decodable(offered)}
	}
	x.askPart()
}

// decodable returns what is left of Accept-Encoding (RFC 9110 section 12.5.3).
func decodable(offered []string) string {
	if len(offered) == 1 {
		switch offered[0] { // what clients send all the time
		case "identity", "gzip", "gzip, deflate", "gzip, deflate, br":
			return offered[0]
		}
	}
	var kept []string
	for _, list := range offered {
		for part := range strings.SplitSeq(list, ",") {
			coding, _, _ := strings.Cut(part, ";")
			if redact.Decodes(strings.TrimSpace(coding)) {
				kept = append(kept, strings.TrimSpace(part))
			}
		}
	}
	if len(kept) == 0 {
		return "identity"
	}
	return strings.Join(kept, ", ")
}

// guard looks through an answer from where credentials go, and has its body looked through while it passes. It returns a refusal
// for an answer that cannot be looked through.
func (x *exchange) guard(resp *http.Response) *refusal {
	if x.cover == nil {
		return nil
	}
	coding := messageCoding(resp.Header)
	if name := compressed(resp.Header); name != "" {
		return x.undecodable("%s compresses what follows (%s), so that it cannot be looked through for the credential", x.d, name)
	}
	g := &guarded{x: x, resp: resp, set: x.cover.live.Load()}
	g.hits = g.header(resp.Header)
	g.hits += g.header(resp.Trailer) // of which the names are known
	x.dropCookies(resp.Header)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		g.report()
		return nil
	}
	if resp.StatusCode == http.StatusPartialContent {
		if why := g.cutPart(coding); why != nil {
			return why
		}
	}
	if resp.Body == http.NoBody || x.in.Method == http.MethodHead {
		if len(codingsOf(resp.Header)) > 0 {
			delete(resp.Header, "Content-Length") // the better a guess compresses together with the credential, the shorter
		}
		g.report()
		return nil
	}
	if why := g.decode(); why != nil {
		return why
	}
	if why := g.decodeMessages(coding); why != nil {
		return why
	}
	r := redact.NewReader(resp.Body, &x.cover.live)
	if g.part != nil {
		g.part.r = r
	}
	if resp.StatusCode == http.StatusPartialContent && (g.part == nil || !g.part.begins) {
		r.Partway()
	}
	if isGRPC(resp.Header) {
		r.Interactive()
	}
	g.reader, g.fresh = r, x.freshIn(resp)
	if g.fresh != nil && isWide(resp.Header) {
		return x.undecodable("%s answered in a character encoding that cannot be looked through for new credentials", x.d)
	}
	g.close = resp.Body
	resp.Body = g
	return nil
}

// guardInterim looks through the fields of an interim response.
func (x *exchange) guardInterim(h http.Header) {
	if x.cover == nil {
		return
	}
	g := &guarded{x: x, set: x.cover.live.Load()}
	x.recordRedaction(g.header(h))
	x.dropCookies(h)
}

// dropCookies takes cookies out of the fields of an answer, wherever in it they stand: a session that the credential has opened
// would serve as well as the credential.
func (x *exchange) dropCookies(h http.Header) {
	if x.slot != nil && !x.lets.Off && !x.lets.Cookies {
		delete(h, "Set-Cookie")
		delete(h, "Set-Cookie2") // RFC 2965, which Java still knows
	}
}

// guarded is the body of an answer that is looked through. The trailer section is known when the body has been read.
type guarded struct {
	x       *exchange
	resp    *http.Response
	set     *redact.Set
	reader  *redact.Reader
	part    *partReader     // what of it the client gets; nil: all
	fresh   *redact.Members // nil: the answer is not of a kind that holds new credentials
	seen    int             // bytes that fresh has looked at
	decoder io.Closer
	close   io.Closer
	hits    int
	told    bool
}

// Read reads what may be passed on.
func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.read(p)
	if err != nil && isGRPC(g.resp.Header) && errors.Is(err, redact.ErrTooMuch) {
		g.endStream()
		err = io.EOF
	}
	if g.fresh != nil && n > 0 {
		g.fresh.Cover(p[:n])
		if g.seen += n; g.seen >= freshWithin && !g.fresh.Covering() {
			g.hits += g.fresh.Hits()
			g.fresh = nil
		}
	}
	if err == io.EOF { //nolint:errorlint // EOF itself is the end
		g.hits += g.header(g.resp.Trailer)
		g.x.dropCookies(g.resp.Trailer)
		g.report()
	} else if err != nil {
		err = g.x.covered(err)
	}
	return n, err
}

// coveredError is an error in whose text there is no secret any more.
type coveredError struct {
	error

	text string
}

// Error returns the text.
func (e *coveredError) Error() string { return e.text }

// Unwrap returns the error as it was.
func (e *coveredError) Unwrap() error { return e.error }

// covered covers what an error quotes: what a server says when it ends a connection (RFC 9113 section 6.8) may be what it was sent.
func (x *exchange) covered(err error) error {
	if x.cover == nil {
		return err
	}
	text, hits := x.cover.live.Load().String(err.Error())
	if hits == 0 {
		return err
	}
	return &coveredError{err, text}
}

func (g *guarded) read(p []byte) (int, error) {
	if g.part != nil {
		return g.part.Read(p)
	}
	return g.reader.Read(p)
}

// Close ends the reading.
func (g *guarded) Close() error {
	g.report()
	if g.decoder != nil {
		_ = g.decoder.Close()
	}
	return g.close.Close()
}

// header covers the values of fields and returns how many secrets there were. A field whose name is one goes altogether.
func (g *guarded) header(h http.Header) int {
	hits := 0
	for name, values := range h {
		if g.set.In(name) {
			delete(h, name)
			hits++
			continue
		}
		for i, v := range values {
			covered, n := g.set.String(v)
			if n > 0 {
				values[i] = covered
				hits += n
			}
		}
	}
	return hits
}

// decode takes the content coding off, which leaves with the client's consent: nobody can refuse identity in earnest.
func (g *guarded) decode() *refusal {
	h := g.resp.Header
	codings := codingsOf(h)
	if len(codings) == 0 {
		return nil
	}
	if len(codings) > maxCodings {
		return g.x.undecodable("%s answered in %d content codings, one upon the other", g.x.d, len(codings))
	}
	body := io.Reader(g.resp.Body)
	closers := closers{g.resp.Body}
	for _, coding := range slices.Backward(codings) {
		d, err := redact.Decode(body, coding)
		if err != nil {
			return g.x.undecodable("%s answered in a content coding that cannot be looked through for the credential", g.x.d)
		}
		body, closers = d, append(closers, d)
	}
	g.resp.Body = struct {
		io.Reader
		io.Closer
	}{body, closers}
	delete(h, "Content-Encoding")
	delete(h, "Content-Length")
	g.resp.ContentLength = -1
	return nil
}

// undecodable refuses an answer that cannot be looked through.
func (x *exchange) undecodable(format string, args ...any) *refusal {
	why := refuse(http.StatusBadGateway, "undecodable", format, args...)
	why.Kind, why.ref = authsome.KindUnreachable, x.ref()
	why.Provider, why.Connection = why.ref.Provider, why.ref.Connection
	return why
}

// ref names the connection that an event about an answer belongs to: the one that the request was sent with or, if with none,
// the one whose values can come back. Of several nobody can tell.
func (x *exchange) ref() authsome.Ref {
	switch {
	case x.slot != nil:
		return x.slot.ref
	case len(x.cover.slots) == 1:
		return x.cover.slots[0].ref
	}
	return authsome.Ref{Profile: x.cover.slots[0].ref.Profile}
}

type closers []io.Closer

// Close closes all, the last one first.
func (c closers) Close() error {
	var first error
	for _, one := range slices.Backward(c) {
		if err := one.Close(); first == nil {
			first = err
		}
	}
	return first
}

// codingsOf returns the codings of a body in the order in which they were applied.
func codingsOf(h http.Header) []string {
	var codings []string
	for _, list := range h["Content-Encoding"] {
		for coding := range strings.SplitSeq(list, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				codings = append(codings, coding)
			}
		}
	}
	return codings
}

// freshIn returns what covers the credentials that an answer brings, or nil.
func (x *exchange) freshIn(resp *http.Response) *redact.Members {
	if x.slot == nil || x.lets.Off || x.lets.NewCredentials {
		return nil
	}
	kind, _, _ := strings.Cut(strings.ToLower(resp.Header.Get("Content-Type")), ";") // whatever is wrong with its parameters
	kind = strings.TrimSpace(kind)
	isXML := strings.HasSuffix(kind, "xml")
	if !isXML && !strings.Contains(kind, "json") { // also in application/x-amz-json-1.1
		return nil
	}
	if x.cred.cred.AuthType == authsome.AuthTypeSigV4 {
		return &redact.Members{XML: isXML, Only: freshOfAWS[:]}
	}
	// Tokens are given out for a POST (RFC 6749 section 3.2). What is read may be anybody's own file.
	if isXML || x.in.Method == http.MethodGet && !policy.Disguised(x.in) {
		return nil
	}
	return &redact.Members{TopLevel: true}
}

// isWide reports whether a text says that its characters are not written as ASCII is. JSON never is (RFC 8259 section 8.1), but
// servers exist that write what a client accepts. The credential itself is recognised nevertheless.
func isWide(h http.Header) bool {
	kind := strings.NewReplacer("-", "", "_", "", " ", "", "\t", "", `"`, "").Replace(strings.ToLower(h.Get("Content-Type")))
	for _, wide := range [...]string{"utf16", "utf32", "utf7", "ucs", "iso10646", "xutf"} {
		if strings.Contains(kind, "charset="+wide) {
			return true
		}
	}
	return false
}

func isGRPC(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "application/grpc")
}

// report tells the recorder, once, that an answer held secrets.
func (g *guarded) report() {
	if g.told {
		return
	}
	g.told = true
	if g.reader != nil {
		g.hits += g.reader.Hits()
	}
	if g.fresh != nil {
		g.hits += g.fresh.Hits()
	}
	g.x.recordRedaction(g.hits)
}

// recordRedaction tells the recorder that so many secrets were covered in an answer.
func (x *exchange) recordRedaction(hits int) {
	p := x.p
	if hits == 0 || p.cfg.Recorder == nil {
		return
	}
	e := authsome.Event{Time: p.cfg.Now(), Name: authsome.EventRedact, Ref: x.ref()}
	e.Detail = map[string]string{
		"host": x.d.field, "method": x.in.Method, "path": x.in.URL.EscapedPath(), "covered": strconv.Itoa(hits),
	}
	nameAgent(x.in.Context(), e.Detail)
	p.record(e)
}

// guardStream has what a server sends looked through after it has switched to another protocol.
func (x *exchange) guardStream(server io.ReadWriteCloser) io.ReadWriteCloser {
	if x.cover == nil {
		return server
	}
	r := redact.NewReader(server, &x.cover.live)
	r.Interactive()
	return &guardedStream{ReadWriteCloser: server, reader: r, x: x}
}

// guardedStream is an upgraded connection whose one direction is looked through.
type guardedStream struct {
	io.ReadWriteCloser
	reader *redact.Reader
	x      *exchange
	told   int
}

// Read reads what may be passed on.
func (s *guardedStream) Read(p []byte) (int, error) {
	n, err := s.reader.Read(p)
	if hits := s.reader.Hits(); hits > s.told {
		s.x.recordRedaction(hits - s.told)
		s.told = hits
	}
	return n, err
}

// refuseNewCredentials says why a request does not go out whose answer would be a new credential, or nil.
func (x *exchange) refuseNewCredentials() *refusal {
	why := x.d.reveals.Judge(x.in)
	if why == nil || x.rule.slot == nil {
		return nil
	}
	if lets := x.rule.slot.guard.Load(); lets.Off || lets.NewCredentials {
		return nil
	}
	ref := x.rule.slot.ref
	r := byPolicy(why)
	if r.status == http.StatusForbidden {
		r.Reason = "new_credential"
		r.Message = "the answer to " + x.in.Method + " " + x.d.String() + x.in.URL.EscapedPath() +
			" would be a new credential, which this run does not hand out"
		r.Hint = "tell the person who started this run; they can allow it: authsome connection set " + string(ref.Provider) +
			" --new-credentials allow"
	}
	r.ref, r.Provider, r.Connection = ref, ref.Provider, ref.Connection
	return r
}
