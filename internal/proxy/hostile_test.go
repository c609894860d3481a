package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"authsome"
	"authsome/internal/redact"
)

// serveFrames starts a server under a name that speaks nothing but HTTP/2, and answers each request with what it likes.
func (w *world) serveFrames(host string, answer func(f *http2.Framer, stream uint32)) {
	w.t.Helper()
	ln := listen(w.t)
	ctx, end := context.WithCancel(w.t.Context())
	w.t.Cleanup(func() { // like a server that goes: net/http closes a connection in the middle of a stream later, by time
		end()
		_ = ln.Close()
	})
	w.cfg.Resolve[net.JoinHostPort(host, "443")] = ln.Addr().String()
	cfg := w.servers.ServerConfig(host).Clone()
	cfg.NextProtos = []string{"h2"}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			go answerFrames(tls.Server(conn, cfg), answer)
		}
	}()
}

func answerFrames(conn net.Conn, answer func(f *http2.Framer, stream uint32)) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(conn, conn)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = f.WriteSettings()
	_ = f.WriteSettingsAck()
	await(f, func(frame http2.Frame) bool {
		if h, ok := frame.(*http2.MetaHeadersFrame); ok {
			answer(f, h.StreamID)
		}
		return false
	})
}

func head(f *http2.Framer, stream uint32, end bool, pairs ...string) {
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: fields(pairs...), EndHeaders: true, EndStream: end})
}

// HTTP/2 leaves it to its users what a status may be.
func TestStatusThatIsNoneIsNotPassedOn(t *testing.T) {
	versions(t, func(t *testing.T, http2Client bool) {
		for _, status := range []string{"0", "42", "600", "1000", "-1", "99999"} {
			w := newWorld(t)
			w.serveFrames(apiHost, func(f *http2.Framer, stream uint32) { head(f, stream, true, ":status", status) })
			w.start()
			resp, body := do(t, w.transport(http2Client), request(t, "GET", "https://"+apiHost+"/", nil))
			if resp.StatusCode != http.StatusBadGateway || refusalOf(t, resp, body)["error"] != string(authsome.KindUnreachable) {
				t.Errorf("%s: got %s %q", status, resp.Status, body)
			}
		}
	})
}

// What was not modified has a length all the same, and no body.
func TestNotModifiedMayTellALength(t *testing.T) {
	versions(t, func(t *testing.T, http2Client bool) {
		w := newWorld(t)
		w.serveFrames(apiHost, func(f *http2.Framer, stream uint32) {
			head(f, stream, true, ":status", "304", "content-length", "5", "etag", `"x"`)
		})
		w.start()
		resp, body := do(t, w.transport(http2Client), request(t, "GET", "https://"+apiHost+"/", nil))
		if resp.StatusCode != http.StatusNotModified || resp.Header.Get("Etag") != `"x"` || body != "" {
			t.Errorf("got %s %q", resp.Status, body)
		}
	})
}

// A server could announce the length as a trailer, which would take it out of the head of a response that has one.
func TestTrailersDoNotFrameTheMessage(t *testing.T) {
	w := newWorld(t)
	w.serveFrames(apiHost, func(f *http2.Framer, stream uint32) {
		head(f, stream, false, ":status", "200", "content-length", "2", "trailer", "content-length, transfer-encoding, x-sum")
		_ = f.WriteData(stream, false, []byte("ok"))
		head(f, stream, true, "content-length", "7", "transfer-encoding", "chunked", "x-sum", "1")
	})
	w.start()
	conn, br := w.inside(apiHost)
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	for range 2 { // a client that cannot see the end of the first would not see the second
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+apiHost+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "ok" {
			t.Errorf("got %q, %v", body, err)
		}
	}
}

// Interim responses of HTTP/2 are not bounded by net/http when somebody listens to them, nor is 101 one of the others there.
func TestInterimResponsesOfHTTP2(t *testing.T) {
	w := newWorld(t)
	w.serveFrames(apiHost, func(f *http2.Framer, stream uint32) {
		head(f, stream, false, ":status", "103", "link", "</a>", "content-length", "9")
		head(f, stream, false, ":status", "101")
		head(f, stream, true, ":status", "204")
	})
	w.start()
	conn, br := w.inside(apiHost)
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+apiHost+"\r\n\r\n")
	text, err := readUntil(br, "HTTP/1.1 502 ")
	if err != nil || strings.Contains(text, " 101 ") || !strings.Contains(text, " 103 ") || strings.Contains(text, "Content-Length") {
		t.Errorf("got %q", text)
	}

	w = newWorld(t)
	w.serveFrames(apiHost, func(f *http2.Framer, stream uint32) {
		for range 1000 {
			head(f, stream, false, ":status", "103", "link", "</a>")
		}
		head(f, stream, true, ":status", "204")
	})
	w.start()
	seen := 0
	req := request(t, "GET", "https://"+apiHost+"/", nil)
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error { seen++; return nil },
	}))
	if resp, _ := do(t, w.transport(true), req); resp.StatusCode != http.StatusBadGateway || seen > 20 {
		t.Errorf("got %s after %d interim responses", resp.Status, seen)
	}
}

// goodbye is what a server says at the end of a connection.
type goodbye string

// Error returns it.
func (g goodbye) Error() string { return string(g) }

// A server that ends a connection may say why in a text of its own, which ends up in the log.
func TestWhatAServerSaysAtTheEndIsCovered(t *testing.T) {
	t.Parallel()
	quoted := fmt.Errorf("read a response: %w", goodbye("you sent "+secret))
	x := &exchange{}
	if got := x.covered(quoted); !errors.Is(got, quoted) {
		t.Errorf("where there is nothing to cover: %v", got)
	}
	x.cover = &cover{}
	x.cover.live.Store(redact.New(redact.Forms(secret)))
	got := x.covered(quoted)
	if text := got.Error(); !strings.Contains(text, "you sent ***") || shown(text) != "" {
		t.Errorf("got %q", text)
	}
	if _, ok := errors.AsType[goodbye](got); !ok {
		t.Error("it is no longer known what has happened")
	}
	if other := io.ErrUnexpectedEOF; x.covered(other) != other { //nolint:errorlint // the very error
		t.Error("an error that quotes nothing is another one")
	}
}

func readUntil(br *bufio.Reader, prefix string) (string, error) {
	var all strings.Builder
	for {
		line, err := br.ReadString('\n')
		all.WriteString(line)
		if err != nil || strings.HasPrefix(line, prefix) {
			return all.String(), err
		}
	}
}

// Attack 18: from a switch of protocols on, the connection belongs to the new one. What reads a body from it must be over.
func TestUpgradeWithAnUnfinishedBodyIsCutOff(t *testing.T) {
	w := newWorld(t)
	w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello")
		_, _ = io.Copy(io.Discard, conn)
	}))
	w.start()
	conn, br := w.inside(apiHost)
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: "+apiHost+"\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 100000\r\n\r\nthe beginning")
	if got, _ := io.ReadAll(br); strings.Contains(string(got), "hello") {
		t.Errorf("got %q", got)
	}
}

// A field that some servers take for the target is no way around rules for paths.
func TestFieldsThatNameAnotherPathAreRefused(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		var api seen
		w.serve(apiHost, &api)
		w.cfg.Policy = policyOf(t, []string{apiHost + "/admin"}, nil)
		w.start()
		tr := w.transport(http2)
		for _, name := range []string{"X-Original-URL", "x-rewrite-url", "X_Original_URL", "X-Rewrite_Url"} {
			req := request(t, "GET", "https://"+apiHost+"/public", nil)
			req.Header[name] = []string{"/admin"}
			resp, body := do(t, tr, req)
			if resp.StatusCode != http.StatusBadRequest || refusalOf(t, resp, body)["reason"] != "ambiguous_path" {
				t.Errorf("%s: got %s %q", name, resp.Status, body)
			}
		}
		if n := len(api.all()); n > 0 {
			t.Errorf("%d requests have arrived", n)
		}
	})
}

// WordPress takes a parameter for the path of its API: POST /wp-json/wp/v2/posts?rest_route=/wp/v2/users/me/application-passwords
// makes a password, whatever the path says.
func TestAParameterThatNamesAnotherPathIsRefused(t *testing.T) {
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.cfg.Policy = policyOf(t, []string{apiHost + "/wp-json/wp/v2/users/**"}, nil)
	w.start()
	tr := w.transport(false)
	for query, status := range map[string]int{
		"rest_route=/wp/v2/users/me": 400, "a=b&rest%5Froute=/wp/v2/users/me": 400, "rest.route=/wp/v2/users/me": 400, "+rest[route=x": 400,
		"rest_route[]=x": 400, "context=rest_route": 200, "_rest_route=x": 200, "": 200,
	} {
		resp, body := do(t, tr, request(t, "GET", "https://"+apiHost+"/wp-json/wp/v2/posts?"+query, nil))
		if resp.StatusCode != status || status != http.StatusOK && refusalOf(t, resp, body)["reason"] != "ambiguous_path" {
			t.Errorf("%s: got %s %q", query, resp.Status, body)
		}
	}
}

// Where no path is ruled, there is nothing to get around.
func TestFieldsThatNameAnotherPathPassElsewhere(t *testing.T) {
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.start()
	req := request(t, "GET", "https://"+apiHost+"/public", nil)
	req.Header.Set("X-Original-Url", "/admin")
	if resp, body := do(t, w.transport(false), req); resp.StatusCode != http.StatusOK {
		t.Errorf("got %s %q", resp.Status, body)
	}
}

// Attack 22: decoders upon decoders, each with a window of its own.
func TestManyCodingsAreRefused(t *testing.T) {
	w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Encoding", strings.TrimSuffix(strings.Repeat("zstd,", 1000), ","))
		_, _ = io.WriteString(rw, "x")
	})
	w.start()
	resp, body := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	if resp.StatusCode != http.StatusBadGateway || refusalOf(t, resp, body)["reason"] != "undecodable" {
		t.Errorf("got %s %q", resp.Status, body)
	}
}

// Attack 21: in the names of announced trailers, and in the second layer of percent-encoding that a login page adds.
func TestEchoesInUnlikelyPlaces(t *testing.T) {
	w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		value := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		once := url.QueryEscape(value)
		rw.Header().Set("Location", "https://login.example.test/?next="+url.QueryEscape("https://"+apiHost+"/?key="+once))
		rw.WriteHeader(http.StatusFound)
	})
	w.start()
	resp, _ := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	if got := resp.Header.Get("Location"); strings.Contains(got, url.QueryEscape(url.QueryEscape(secret))) {
		t.Errorf("Location shows the credential: %s", got)
	}

	w = newWorld(t)
	ref := w.cfg.Routes[0].Ref
	w.source.answer = func(authsome.CredentialOptions) (*authsome.Credential, error) {
		return credential(t, ref, "token-in-a-name", 1, apiHost), nil
	}
	w.serveFrames(apiHost, func(f *http2.Framer, stream uint32) {
		head(f, stream, false, ":status", "200", "trailer", "token-in-a-name")
		_ = f.WriteData(stream, true, []byte("ok"))
	})
	w.start()
	if resp, _ := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil)); len(resp.Trailer) > 0 {
		t.Errorf("the names of trailers show the credential: %v", resp.Trailer)
	}
}
