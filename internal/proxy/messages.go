package proxy

import (
	"encoding/binary"
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

// compressed names what hides a stream although the client was kept from asking for it, or is empty: gRPC servers answer in the
// coding of the request, and an extension of WebSockets that was not offered is one all the same.
func compressed(h http.Header) string {
	for _, name := range [...]string{"Grpc-Encoding", "Connect-Content-Encoding"} {
		for _, coding := range h[name] {
			if coding != "" && !strings.EqualFold(coding, "identity") {
				return name
			}
		}
	}
	for _, name := range [...]string{"Sec-Websocket-Extensions", "Im"} {
		if _, ok := h[name]; ok {
			return name
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
	decoded, err := redact.Messages(g.resp.Body, coding, g.x.p.messages, lastMessage(g.resp.Header))
	if err != nil {
		return g.x.undecodable("%s answered with messages that cannot be looked through for the credential", g.x.d)
	}
	g.resp.Body = struct {
		io.Reader
		io.Closer
	}{decoded, closers{g.resp.Body, decoded}}
	delete(g.resp.Header, "Content-Length")
	g.resp.ContentLength = -1
	return nil
}

// messageBudget bounds what all streams of a proxy hold of messages that are decoded: each must be known whole before its length
// can be written.
const messageBudget = 128 << 20

// tooMuch is what a client is told in place of a message for which there is no room.
const tooMuch = "authsome: compressed messages take too much memory to be looked through; ask for uncompressed ones, or for fewer at a time"

// The code for that in gRPC, RESOURCE_EXHAUSTED.
const resourceExhausted = "8"

// lastMessage returns the message with which a stream ends in which there is no room for another; nil where trailers say it.
func lastMessage(h http.Header) []byte {
	kind := strings.ToLower(h.Get("Content-Type"))
	var flags byte
	var text string
	switch {
	case strings.HasPrefix(kind, "application/grpc-web"):
		flags, text = 0x80, "grpc-status: "+resourceExhausted+"\r\ngrpc-message: "+tooMuch+"\r\n"
	case strings.HasPrefix(kind, "application/connect+"):
		flags, text = 0x02, `{"error":{"code":"resource_exhausted","message":"`+tooMuch+`"}}`
	default:
		return nil
	}
	return append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(text))), text...) //nolint:gosec // it is short
}

// endStream ends a stream of gRPC in which there is no room for another message with the status that says so.
func (g *guarded) endStream() {
	g.x.p.cfg.Logger.Warn("proxy: no room for a compressed message", "host", g.x.d.host)
	g.resp.Trailer = http.Header{"Grpc-Status": {resourceExhausted}, "Grpc-Message": {tooMuch}}
}
