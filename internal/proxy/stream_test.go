package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

func TestServerSentEventsArriveAsTheyAreSent(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		next := make(chan struct{})
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(rw).Flush()
			for range next {
				_, _ = io.WriteString(rw, "data: x\n\n")
				_ = http.NewResponseController(rw).Flush()
			}
		}))
		w.start()
		// The head arrives before the first event, each event before the next is sent.
		resp, err := w.transport(http2).RoundTrip(request(t, "GET", "https://"+apiHost+"/", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		br := bufio.NewReader(resp.Body)
		for range 3 {
			next <- struct{}{}
			if line, err := br.ReadString('\n'); err != nil || line != "data: x\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			_, _ = br.ReadString('\n')
		}
		close(next)
		if _, err := br.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the stream ended with %v", err)
		}
	})
}

func TestPartsOfABodyOfKnownLengthArriveAsTheyAreSent(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		next := make(chan struct{})
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "2")
			for range 2 {
				_, _ = io.WriteString(rw, "x")
				_ = http.NewResponseController(rw).Flush()
				<-next
			}
		}))
		w.start()
		resp, err := w.transport(http2).RoundTrip(request(t, "GET", "https://"+apiHost+"/", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		one := make([]byte, 1)
		for range 2 {
			if _, err := io.ReadFull(resp.Body, one); err != nil {
				t.Fatal(err)
			}
			next <- struct{}{}
		}
	})
}

func TestBothDirectionsStreamAtOnce(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(rw)
			_ = rc.EnableFullDuplex()
			_ = rc.Flush()
			br := bufio.NewReader(r.Body)
			for {
				line, err := br.ReadString('\n')
				if err != nil {
					return
				}
				_, _ = io.WriteString(rw, "echo "+line)
				_ = rc.Flush()
			}
		}))
		w.start()
		body, send := io.Pipe()
		resp, err := w.transport(http2).RoundTrip(request(t, "POST", "https://"+apiHost+"/", body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		br := bufio.NewReader(resp.Body)
		for _, line := range []string{"a\n", "b\n", "c\n"} {
			_, _ = io.WriteString(send, line)
			if got, err := br.ReadString('\n'); err != nil || got != "echo "+line {
				t.Fatalf("got %q, %v", got, err)
			}
		}
		_ = send.Close()
		if _, err := br.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the stream ended with %v", err)
		}
	})
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(rw).EnableFullDuplex()
			rw.Header().Set("Content-Length", r.Header.Get("X-Length"))
			_, _ = io.Copy(rw, r.Body)
		}))
		w.start()
		body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		req := request(t, "POST", "https://"+apiHost+"/", bytes.NewReader(body))
		req.Header.Set("X-Length", "1048576")
		if !http2 {
			req.ContentLength = -1 // chunked
		}
		_, got := do(t, w.transport(http2), req)
		if sha256.Sum256([]byte(got)) != sha256.Sum256(body) {
			t.Errorf("%d bytes came back, another sum", len(got))
		}
	})
}

func TestTrailersPassInBothDirections(t *testing.T) { // as gRPC needs them
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if te := r.Header.Get("Te"); te != "trailers" {
				t.Errorf("the API saw TE %q", te)
			}
			rw.Header().Set("Trailer", "Grpc-Status")
			_, _ = io.WriteString(rw, "body")
			rw.Header().Set("Grpc-Status", "0")
			rw.Header().Set(http.TrailerPrefix+"Grpc-Message", "got "+r.Trailer.Get("X-Sum"))
			if v, ok := r.Trailer["Authorization"]; ok {
				t.Errorf("the API saw the trailer Authorization %q", v)
			}
		}))
		w.start()
		req := request(t, "POST", "https://"+apiHost+"/", io.NopCloser(strings.NewReader("x")))
		req.Header.Set("Te", "trailers")
		req.Trailer = http.Header{"X-Sum": {"42"}}
		if !http2 { // a server of HTTP/2 takes it for a protocol error by itself
			req.Trailer.Set("Authorization", "Bearer mine")
		}
		resp, body := do(t, w.transport(http2), req)
		if body != "body" || resp.Trailer.Get("Grpc-Status") != "0" || resp.Trailer.Get("Grpc-Message") != "got 42" {
			t.Errorf("got %q, trailer %v", body, resp.Trailer)
		}
	})
}

func TestExpectContinueAndInterimResponsesPass(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Link", "</style.css>; rel=preload")
			rw.WriteHeader(http.StatusEarlyHints)
			body, _ := io.ReadAll(r.Body)
			_, _ = rw.Write(body)
		}))
		w.start()
		var continued, hinted bool
		trace := &httptrace.ClientTrace{
			Got100Continue: func() { continued = true },
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				hinted = hinted || code == http.StatusEarlyHints && h.Get("Link") != ""
				return nil
			},
		}
		req := request(t, "POST", "https://"+apiHost+"/", strings.NewReader("body"))
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
		req.Header.Set("Expect", "100-continue")
		tr := w.transport(http2)
		tr.ExpectContinueTimeout = 1 << 40 // only the server's word lets the body go
		if _, body := do(t, tr, req); body != "body" || !hinted || !continued && !http2 {
			t.Errorf("got %q, hinted %t, continued %t", body, hinted, continued)
		}
	})
}

func TestBrokenResponseIsNotTakenForAWholeOne(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(rw, "half")
			_ = http.NewResponseController(rw).Flush()
			panic(http.ErrAbortHandler)
		}))
		w.start()
		resp, err := w.transport(http2).RoundTrip(request(t, "GET", "https://"+apiHost+"/", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("the client read %q without an error", got)
		}
	})
}

func TestClientThatLeavesEndsTheRequestUpstream(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		begun, ended := make(chan struct{}), make(chan struct{})
		w.serve(apiHost, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			<-r.Context().Done()
			close(ended)
		}))
		w.start()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-begun
			cancel()
		}()
		_, err := w.transport(http2).RoundTrip(request(t, "GET", "https://"+apiHost+"/", nil).WithContext(ctx))
		if err == nil {
			t.Error("the request was answered")
		}
		<-ended
	})
}

func TestResponseFieldsPassButThoseOfTheConnection(t *testing.T) { // attack 19
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			h := rw.Header()
			h.Set("Alt-Svc", `h3=":443"`)
			h.Set("Keep-Alive", "timeout=5")
			h.Add("Vary", "a")
			h.Add("Vary", "b")
			h["Content-Type"] = nil
			rw.WriteHeader(http.StatusNotFound)
		}))
		w.start()
		resp, _ := do(t, w.transport(http2), request(t, "GET", "https://"+apiHost+"/", nil))
		if resp.StatusCode != 404 || len(resp.Header["Vary"]) != 2 {
			t.Errorf("got %d %v", resp.StatusCode, resp.Header)
		}
		for _, name := range []string{"Alt-Svc", "Keep-Alive", "Content-Type"} {
			if v, ok := resp.Header[name]; ok {
				t.Errorf("the client saw %s: %q", name, v)
			}
		}
	})
}

func TestHeadAndEmptyAnswers(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/204":
				rw.WriteHeader(http.StatusNoContent)
			case "/304":
				rw.WriteHeader(http.StatusNotModified)
			default:
				rw.Header().Set("Content-Length", "5")
				_, _ = io.WriteString(rw, "hello")
			}
		}))
		w.start()
		tr := w.transport(http2)
		for _, tc := range []struct {
			method, path string
			status       int
			length       int64
			body         string
		}{
			{"HEAD", "/", 200, 5, ""}, {"GET", "/204", 204, 0, ""}, {"GET", "/304", 304, 0, ""}, {"GET", "/", 200, 5, "hello"},
		} {
			resp, body := do(t, tr, request(t, tc.method, "https://"+apiHost+tc.path, nil))
			if resp.StatusCode != tc.status || body != tc.body || resp.ContentLength > 0 && resp.ContentLength != tc.length {
				t.Errorf("%s %s: got %d %q, length %d", tc.method, tc.path, resp.StatusCode, body, resp.ContentLength)
			}
		}
	})
}

func TestWebSocketEchoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer token-1" {
			t.Errorf("the handshake came with %q", got)
		}
		c, err := websocket.Accept(rw, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), kind, message); err != nil {
				return
			}
		}
	}))
	w.start()
	c, _, err := websocket.Dial(t.Context(), "wss://"+apiHost+"/ws",
		&websocket.DialOptions{HTTPClient: &http.Client{Transport: w.transport(false)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"a", "b", strings.Repeat("c", 20_000)} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(t.Context()); err != nil || string(got) != message {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	if e := w.recorder.all(); len(e) != 1 || e[0].Detail["http_status"] != "101" {
		t.Errorf("recorded %+v", e)
	}
}

func TestSwitchingToWhatWasNotAskedForIsRefused(t *testing.T) { // attack 18
	t.Parallel()
	for name, answer := range map[string]string{
		"wrong accept":   "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n",
		"other protocol": "Upgrade: other\r\nConnection: Upgrade\r\n",
	} {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n"+answer+"\r\n")
			_ = conn.Close()
		}))
		w.start()
		got := w.exchangeRaw("GET / HTTP/1.1\r\nHost: " + apiHost + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		if got != http.StatusBadGateway {
			t.Errorf("%s: got %d", name, got)
		}
	}
}

func TestManyClientsAtOnceEachGetTheirOwnAnswer(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(rw, r.URL.Path+string(body))
		}))
		w.start()
		var wg sync.WaitGroup
		for client := range 8 {
			tr := w.transport(http2)
			for stream := range 4 {
				wg.Go(func() {
					for n := range 8 {
						body := fmt.Sprintf("/%d/%d/%d", client, stream, n)
						req := request(t, "POST", "https://"+apiHost+body, strings.NewReader(body))
						resp, err := tr.RoundTrip(req)
						if err != nil {
							t.Error(err)
							return
						}
						got, err := io.ReadAll(resp.Body)
						_ = resp.Body.Close()
						if err != nil || string(got) != body+body {
							t.Errorf("%s: got %q, %v", body, got, err)
						}
					}
				})
			}
		}
		wg.Wait()
		if n := w.source.count(); n != 1 {
			t.Errorf("the source was called %d times, want 1", n)
		}
	})
}
