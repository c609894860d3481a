package proxy

import (
	"io"

	"authsome"
	"authsome/internal/redact"
)

// placeholderBody is the body of a request, in which the placeholder is looked for. It is passed on as it is, for it may be data;
// that it was there is put on record, for it may be an attempt to have it exchanged for the credential.
type placeholderBody struct {
	io.ReadCloser
	x      *exchange
	finder redact.Finder
	seen   int
}

// lookedAt is how much of a body is searched. Whoever wants to have the placeholder exchanged sends less.
const lookedAt = 1 << 20

// Read reads from the body.
func (b *placeholderBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.seen < lookedAt && b.finder.Find(p[:n]) {
		b.x.recordPlaceholder()
	}
	b.seen += n
	return n, err
}

// Ready reports whether the whole body has arrived.
func (b *placeholderBody) Ready() bool {
	ready, ok := b.ReadCloser.(interface{ Ready() bool })
	return ok && ready.Ready()
}

// watchBody has the body of a request with a credential searched for the placeholder.
func (x *exchange) watchBody() {
	if x.out.Body != nil && x.p.cfg.Recorder != nil {
		x.out.Body = &placeholderBody{ReadCloser: x.out.Body, x: x, finder: x.p.placeholder.Finder()}
	}
}

// recordPlaceholder tells the recorder that a body held the placeholder.
func (x *exchange) recordPlaceholder() {
	e := authsome.Event{Time: x.p.cfg.Now(), Name: authsome.EventPlaceholder, Ref: x.slot.ref}
	e.Detail = map[string]string{"host": x.d.field, "method": x.in.Method, "path": x.in.URL.EscapedPath()}
	nameAgent(x.in.Context(), e.Detail)
	x.p.record(e)
}
