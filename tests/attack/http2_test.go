package attack_test

import (
	"bytes"
	"net/http"
	"strconv"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is an HTTP/2 connection for frames of one's own making.
type frames struct {
	*http2.Framer
	next   uint32
	fields *hpack.Decoder
}

func (r *running) frames(t *testing.T) *frames {
	t.Helper()
	s, err := r.inside(t, victimHost+":443", victimHost, "h2")
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, http2.ClientPreface)
	f := &frames{Framer: http2.NewFramer(s, s.br), next: 1, fields: hpack.NewDecoder(4096, nil)}
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f
}

// ask opens a stream with the given fields, and returns the status of its answer: 0 when the stream, or the connection,
// is ended in its place.
func (f *frames) ask(t *testing.T, fields ...string) int {
	t.Helper()
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		if err := e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			t.Fatal(err)
		}
	}
	stream := f.next
	f.next += 2
	err := f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true,
	})
	if err != nil {
		return 0
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return 0
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			status := f.status(t, frame.HeaderBlockFragment())
			if frame.StreamID == stream {
				return status
			}
		case *http2.RSTStreamFrame:
			if frame.StreamID == stream {
				return 0
			}
		case *http2.GoAwayFrame:
			return 0
		}
	}
}

func (f *frames) status(t *testing.T, block []byte) (status int) {
	t.Helper()
	fields, err := f.fields.DecodeFull(block)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		if field.Name == ":status" {
			status, _ = strconv.Atoi(field.Value)
		}
	}
	return status
}

// 17: HTTP/2 with another authority, two of them, another host's stream on the connection, or a tunnel in it.
func http2Authority(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	head := []string{":method", "GET", ":scheme", "https", ":path", "/"}
	for name, fields := range map[string][]string{
		"another authority":          append(head, ":authority", evilHost),
		"another port":               append(head, ":authority", victimHost+":8443"),
		"a host beside":              append(head, ":authority", victimHost, "host", evilHost),
		"a host in place":            append(head, "host", evilHost),
		"authority with user":        append(head, ":authority", victimHost+"@"+evilHost),
		"no authority":               head,
		"two authorities":            append(head, ":authority", victimHost, ":authority", evilHost),
		"a tunnel":                   {":method", "CONNECT", ":authority", evilHost + ":443"},
		"a tunnel to the provider":   {":method", "CONNECT", ":authority", victimHost + ":443"},
		"an extended tunnel":         {":method", "CONNECT", ":scheme", "https", ":path", "/", ":authority", victimHost, ":protocol", "websocket"},
		"framing of HTTP/1.1":        append(head, ":authority", victimHost, "transfer-encoding", "chunked"),
		"a connection field":         append(head, ":authority", victimHost, "connection", "authorization"),
		"a line break in a field":    append(head, ":authority", victimHost, "x", "y\r\nhost: "+evilHost),
		"a line break in the path":   {":method", "GET", ":scheme", "https", ":path", "/ HTTP/1.1\r\nHost: " + evilHost, ":authority", victimHost},
		"a line break in the method": {":method", "GET / HTTP/1.1\r\nX: ", ":scheme", "https", ":path", "/", ":authority", victimHost},
	} {
		status := r.frames(t).ask(t, fields...)
		if status != 0 && (status < 400 || status >= 500) {
			t.Fatalf("%s: answered %d", name, status)
		}
	}
	w.victim.untouched(t)
	// Streams are judged one by one: after a good one, a bad one, and after that a good one again.
	f := r.frames(t)
	for i, authority := range []string{victimHost, evilHost, victimHost} {
		want := http.StatusOK
		if authority == evilHost {
			want = http.StatusMisdirectedRequest
		}
		if status := f.ask(t, append(head, ":authority", authority)...); status != want {
			t.Errorf("stream %d, for %s, was answered %d, want %d", i, authority, status, want)
		}
	}
	if n := len(w.victim.seen()); n != 2 {
		t.Errorf("%d requests reached the provider", n)
	}
	w.evil.untouched(t)
}
