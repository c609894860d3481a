package proxy

import (
	"io"
	"net/http"
	"strings"

	"authsome/internal/redact"
)

// messageCodings are the fields that say how the messages of a stream are compressed, with the content types of such streams.
// gRPC servers answer in the coding of the request, whatever the client accepts.
var messageCodings = [...]struct{ field, types string }{
	{"Grpc-Encoding", "application/grpc"},
	{"Connect-Content-Encoding", "application/connect+"},
}

// messageCoding takes out of the header of an answer how its messages are compressed, and returns that if they can be decoded;
// otherwise it leaves it there.
func messageCoding(h http.Header) string {
	kind := strings.ToLower(h.Get("Content-Type"))
	if strings.HasPrefix(kind, "application/grpc-web-text") {
		return "" // what is in base64 has no messages yet
	}
	for _, c := range messageCodings {
		values := h[c.field]
		if len(values) == 1 && strings.HasPrefix(kind, c.types) && !strings.EqualFold(values[0], "identity") && redact.Decodes(values[0]) {
			delete(h, c.field)
			return values[0]
		}
	}
	return ""
}

// decodeMessages has the messages of the answer decoded, if they are in a coding. The client takes those that are not
// compressed in any case.
func (g *guarded) decodeMessages(coding string) *refusal {
	if coding == "" {
		return nil
	}
	decoded, err := redact.Messages(g.resp.Body, coding)
	if err != nil {
		return g.x.undecodable("%s answered with messages that cannot be looked through for the credential", g.x.d)
	}
	g.resp.Body = struct {
		io.Reader
		io.Closer
	}{decoded, g.resp.Body}
	delete(g.resp.Header, "Content-Length")
	g.resp.ContentLength = -1
	return nil
}
