package attack_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// 40: one client takes all there is.
func exhaustion(t *testing.T) {
	w := newWorld(t, setup{more: `"hosts": ["*.many.test"],`})
	for _, part := range []struct {
		name string
		try  func(t *testing.T)
	}{
		{"slow", w.slowHeads},
		{"huge", w.hugeHeads},
		{"without end", w.endlessHeader},
		{"by many", w.manyConnections},
		{"many names", w.manyNames},
		{"many streams", floodOf((*world).manyStreams)},
		{"rapid resets", floodOf((*world).rapidResets)},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.try(t)
		})
	}
}

// floodOf has a flood try a provider of its own, which counts what arrives.
func floodOf(try func(*world, *testing.T, *waiting)) func(*testing.T) {
	return func(t *testing.T) {
		a := new(waiting)
		try(newWorld(t, setup{victim: a.ServeHTTP}), t, a)
	}
}

// served fails the test when a client that does nothing special is not served.
func (r *running) served(t *testing.T, what string) {
	t.Helper()
	tr := r.transport(t, false)
	defer tr.CloseIdleConnections()
	fetch(t, tr, "GET", "https://"+victimHost+"/", nil, nil).expect(t, what, http.StatusOK)
}

// strangers is more than the proxy keeps of clients that have not logged in.
const strangers = 600

// slowHeads opens connections and never gets to the end of a request.
func (w *world) slowHeads(t *testing.T) {
	r := w.run(t)
	first := r.dial(t)
	first.write(t, "CONNECT "+victimHost+":443 HTTP/1.1\r\n")
	for range strangers {
		r.dial(t).write(t, "C")
	}
	r.served(t, "beside "+fmt.Sprint(strangers)+" slow clients")
	ended := make(chan error, 1)
	go func() {
		_, err := first.br.ReadByte()
		ended <- err
	}()
	for stop := time.Now().Add(patience / 2); ; {
		select {
		case <-ended:
			return
		default:
		}
		if time.Now().After(stop) {
			t.Fatal("a client that never ends its request is kept")
		}
		_, _ = io.WriteString(first, "X-Slow: 1\r\n") // a live one, as it seems
		time.Sleep(100 * time.Millisecond)
	}
}

// hugeHeads sends heads that do not fit: before the login, within a connection, and over HTTP/2.
func (w *world) hugeHeads(t *testing.T) {
	r := w.run(t)
	before := len(w.victim.seen())
	line := "X-Filler: " + strings.Repeat("x", 8000) + "\r\n"
	inside := r.victim(t)
	for name, s := range map[string]*session{"before the login": r.dial(t), "in a connection": inside} {
		head, limit := "GET / HTTP/1.1\r\nHost: "+victimHost+"\r\n", 4<<20
		if s != inside {
			head, limit = "CONNECT "+victimHost+":443 HTTP/1.1\r\n", 256<<10
		}
		_, err := io.WriteString(s, head)
		sent := 0
		for ; sent < limit && err == nil; sent += len(line) {
			_, err = io.WriteString(s, line)
		}
		if err == nil {
			resp, err := http.ReadResponse(s.br, nil)
			if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s: %d bytes of head were taken: %v", name, sent, err)
			}
		}
	}
	status := r.frames(t).ask(t, ":method", "GET", ":scheme", "https", ":path", "/"+strings.Repeat("x", 15000), ":authority", victimHost)
	if status != http.StatusOK && status != 0 && status/100 != 4 {
		t.Errorf("a long path over HTTP/2: %d", status)
	}
	for _, n := range w.victim.seen()[before:] {
		if n.Header.Get("X-Filler") != "" {
			t.Errorf("a huge head reached the provider: %d bytes", len(n.String()))
		}
	}
	r.served(t, "after huge heads")
}

// endlessHeader sends CONTINUATION upon CONTINUATION (CVE-2023-45288), while another client is served.
func (w *world) endlessHeader(t *testing.T) {
	r := w.run(t)
	f := r.frames(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if _, ok := frame.(*http2.GoAwayFrame); ok {
				return
			}
		}
	}()
	head := []byte{0x82, 0x87, 0x84} // GET, https, /
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head, EndStream: true})
	more := append([]byte{0x00, 0x01, 'x', 0x7f, 0x81, 0x4d}, strings.Repeat("y", 0x7f+0x81&0x7f+0x4d<<7)...)
	sent := 0
	for ; sent < 64<<20 && err == nil; sent += len(more) {
		err = f.WriteContinuation(1, false, more)
	}
	if err == nil {
		t.Fatalf("%d bytes of header were taken", sent)
	}
	<-ended
	r.served(t, "after a header without end")
}

// attached is an agent of authsome proxy.
func (w *world) attached(t *testing.T, name string) *running {
	t.Helper()
	text := w.home.Must(t, append([]string{"proxy", "start", "--name", name, "--format", "json", "--idle", "2m"}, w.flags...)...)
	t.Cleanup(func() { _, _ = w.home.Run(context.Background(), "", "proxy", "stop") })
	env := make(map[string]*string)
	if err := json.Unmarshal([]byte(text), &env); err != nil {
		t.Fatalf("authsome proxy start: %v: %s", err, text)
	}
	r := &running{w: w, env: make(map[string]string), end: func() {}}
	for name, value := range env {
		if value != nil {
			r.env[name] = *value
		}
	}
	return r
}

// The limits of one agent among others; see docs/proxy.md.
const (
	maxHandshakes = 512
	maxPerAgent   = 4096
)

// manyConnections has one agent open handshakes that it does not finish, and then as many connections as it can, while
// another agent is served.
func (w *world) manyConnections(t *testing.T) {
	greedy, modest := w.attached(t, "greedy"), w.attached(t, "modest")
	var open []*session
	refused := 0
	connect := "CONNECT " + victimHost + ":443 HTTP/1.1\r\nHost: " + victimHost + "\r\n" + greedy.authorization(t) + "\r\n"
	for range maxHandshakes + 10 {
		s := greedy.dial(t)
		a := s.ask(t, connect)
		a.expect(t, "CONNECT", http.StatusOK, http.StatusTooManyRequests)
		if a.StatusCode != http.StatusOK {
			refused++
		}
		open = append(open, s)
	}
	if refused < 10 {
		t.Errorf("%d of %d unfinished handshakes were refused", refused, maxHandshakes+10)
	}
	modest.served(t, "beside unfinished handshakes")
	for _, s := range open {
		_ = s.Close()
	}
	plain := "GET http://" + victimHost + "/ HTTP/1.1\r\nHost: " + victimHost + "\r\n" + greedy.authorization(t) + "\r\n"
	refused = 0
	for range maxPerAgent + 200 {
		s := greedy.dial(t)
		a := s.ask(t, plain)
		a.expect(t, "a plain request", http.StatusForbidden, http.StatusTooManyRequests)
		if a.StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 200-maxHandshakes/8 {
		t.Errorf("%d of %d connections of one agent were refused", refused, maxPerAgent+200)
	}
	modest.served(t, "beside thousands of connections")
}

// manyNames comes with more host names than certificates are kept.
func (w *world) manyNames(t *testing.T) {
	const kept = 1000
	r := w.run(t)
	handshake := func(n int) string {
		host := fmt.Sprintf("host-%d.many.test", n)
		s, err := r.inside(t, host+":443", host)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := handshake(0)
	if again := handshake(0); again != first {
		t.Fatal("a certificate is made for each connection")
	}
	for n := range kept {
		handshake(n + 1)
	}
	if handshake(0) == first {
		t.Errorf("after %d names the first one is still remembered", kept)
	}
	r.served(t, "after many names")
}
