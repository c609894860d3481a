package proxy

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"authsome/internal/redact"
)

// frame writes a frame of RFC 6455 section 5.2 as shape says, which need not make sense: any opcode, reserved bits, a length in
// any of the three encodings, masked or not.
func frame(shape, length byte, payload []byte) []byte {
	f := []byte{shape, 0}
	switch n := len(payload); {
	case length%3 == 0 && n < 126:
		f[1] = byte(n)
	case length%3 < 2:
		f[1] = 126
		f = binary.BigEndian.AppendUint16(f, uint16(n))
	default:
		f[1] = 127
		f = binary.BigEndian.AppendUint64(f, uint64(n))
	}
	if length < 128 {
		return append(f, payload...)
	}
	f[1] |= 0x80
	mask := []byte{shape, length, shape ^ length, 1}
	f = append(f, mask...)
	for i, c := range payload {
		f = append(f, c^mask[i%4])
	}
	return f
}

// framesOf makes frames of a plan: each takes two bytes of it for its shape and the text up to the next line feed, in which @
// stands for the secret, and @ with a digit for a part of it.
func framesOf(plan []byte) []byte {
	var all []byte
	for len(plan) > 2 {
		text, rest, _ := bytes.Cut(plan[2:], []byte("\n"))
		payload := string(text)
		for n := range 10 {
			payload = strings.ReplaceAll(payload, "@"+string(rune('0'+n)), secret[:2*n+2])
		}
		all = append(all, frame(plan[0], plan[1], []byte(strings.ReplaceAll(payload, "@", secret)))...)
		plan = rest
	}
	return all
}

// FuzzFrames: whatever a server and a client send after a handshake, and in whatever pieces, arrives byte for byte, but for
// secrets on their way to the client, which are as long as before.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x81\x00hello @ and @5\n\x01\x01a@3\n\x80\x02@@\n\x89\x90ping @\n"), []byte("\x81\x85to the server @\n"), []byte{3, 1, 7})
	f.Add([]byte("\xf1\xff@"), []byte("\x82\x01@\n"), []byte{200})
	f.Add([]byte("\x82\x03@9@9@\n\x88\x00@1"), []byte("\x81\x00x\n\x81\x00@\n"), []byte{1})
	forms := redact.Forms(secret)
	f.Fuzz(func(t *testing.T, fromServer, fromClient, pieces []byte) {
		if len(fromServer)+len(fromClient) > 3000 {
			return
		}
		down, up := framesOf(fromServer), framesOf(fromClient)
		gotDown, gotUp := relayed(t, down, up, pieces)
		if !bytes.Equal(gotUp, up) {
			t.Fatalf("the server got %q, want %q", gotUp, up)
		}
		if len(gotDown) != len(down) {
			t.Fatalf("the client got %d bytes, want %d", len(gotDown), len(down))
		}
		covered := coverable(down, forms)
		for i := range down {
			if gotDown[i] != down[i] && !covered[i] {
				t.Fatalf("byte %d of %q became that of %q", i, down, gotDown)
			}
		}
		for _, form := range forms {
			if bytes.Contains(gotDown, []byte(form)) {
				t.Fatalf("the client got a secret: %q", gotDown)
			}
		}
	})
}

// coverable says which bytes belong to a form, or to the beginning of one with which the stream ends.
func coverable(p []byte, forms []string) []bool {
	covered := make([]bool, len(p))
	for i := range p {
		for _, form := range forms {
			n := min(len(form), len(p)-i)
			if string(p[i:i+n]) == form[:n] {
				for j := range n {
					covered[i+j] = true
				}
			}
		}
	}
	return covered
}

// relayed has bytes relayed in both directions as after a 101, and returns what arrives.
func relayed(t *testing.T, down, up, pieces []byte) (gotDown, gotUp []byte) {
	t.Helper()
	c := &cover{slots: []*slot{{}}}
	c.live.Store(redact.New(redact.Forms(secret)))
	x := &exchange{p: &Proxy{ctx: t.Context()}, cover: c}
	client, ours := net.Pipe()
	server, theirs := net.Pipe()
	relay := make(chan struct{})
	go func() {
		defer close(relay)
		x.relay(ours, ours, x.guardStream(theirs))
	}()
	read := func(from io.Reader, to *[]byte, n int, done chan<- struct{}) {
		defer close(done)
		*to = make([]byte, n)
		read, _ := io.ReadFull(from, *to)
		*to = (*to)[:read]
	}
	sent, toServer, toClient := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sent)
		write(client, up, pieces)
	}()
	go read(server, &gotUp, len(up), toServer)
	go func() {
		defer close(toClient)
		gotDown, _ = io.ReadAll(client)
	}()
	write(server, down, pieces)
	<-sent
	<-toServer
	_ = server.Close()
	<-toClient
	_ = client.Close()
	<-relay
	return gotDown, gotUp
}

// write sends bytes in pieces of the given sizes.
func write(to io.Writer, p, pieces []byte) {
	for i := 0; len(p) > 0; i++ {
		n := len(p)
		if len(pieces) > 0 {
			n = min(n, int(pieces[i%len(pieces)])+1)
		}
		if _, err := to.Write(p[:n]); err != nil {
			return
		}
		p = p[n:]
	}
}
