package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// script is a server that answers what it is told to, connection by connection.
type script struct {
	t  *testing.T
	ln net.Listener

	mu    sync.Mutex // guards conns
	conns int
}

// serveScript starts a server whose n-th connection is handled by the n-th function; the last one handles all others.
func serveScript(t *testing.T, handlers ...func(conn net.Conn, br *bufio.Reader)) (*script, *Client) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, ln: ln}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			handle := handlers[min(s.conns, len(handlers)-1)]
			s.conns++
			s.mu.Unlock()
			wg.Go(func() {
				defer conn.Close()
				handle(conn, bufio.NewReader(conn))
			})
		}
	})
	c := &Client{Dial: func(ctx context.Context, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return nil, err
		}
		return NewWire(conn), nil
	}}
	t.Cleanup(func() {
		c.Close()
		_ = ln.Close()
		wg.Wait()
	})
	return s, c
}

func (s *script) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// always answers each request on a connection with the same bytes.
func always(answer string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, br *bufio.Reader) {
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(conn, answer)
		}
	}
}

// once answers one request and closes the connection.
func once(answer string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, br *bufio.Reader) {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, answer)
	}
}

func newRequest(method string, body io.Reader) *http.Request {
	r := &http.Request{Method: method, URL: &url.URL{Path: "/a", RawQuery: "b=c"}, Host: "x.test", Header: http.Header{"X-A": {"1", "2"}}}
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(body), -1
		if s, ok := body.(interface{ Len() int }); ok {
			r.ContentLength = int64(s.Len())
		}
	}
	return r
}

func get(t *testing.T, c *Client, r *http.Request) (*http.Response, string, error) {
	t.Helper()
	resp, err := c.RoundTrip(r, "x", nil)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestClientFramesAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method, answer, body string
		trailer              string
		reused, fails        bool
	}{
		"length":          {answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", body: "ab", reused: true},
		"empty":           {answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", reused: true},
		"no reason":       {answer: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", reused: true},
		"chunked":         {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;x=y\r\na\r\n01\r\nb\r\n0\r\n\r\n", body: "ab", reused: true},
		"trailer":         {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T: t\r\n\r\n", body: "a", trailer: "t", reused: true},
		"interim":         {answer: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", body: "a", reused: true},
		"head":            {method: "HEAD", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", reused: true},
		"204":             {answer: "HTTP/1.1 204 No Content\r\n\r\n", reused: true},
		"304":             {answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", reused: true},
		"close delimited": {answer: "HTTP/1.1 200 OK\r\n\r\nab", body: "ab"},
		"close":           {answer: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", body: "a"},
		"1.0":             {answer: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", body: "a"},
		"1.0 keep-alive":  {answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", body: "a", reused: true},

		"too short":            {answer: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nab", fails: true},
		"cut chunk":            {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", fails: true},
		"no last chunk":        {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", fails: true},
		"both framings":        {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", fails: true},
		"two lengths":          {answer: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", fails: true},
		"list of lengths":      {answer: "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", fails: true},
		"signed length":        {answer: "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", fails: true},
		"negative length":      {answer: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\na", fails: true},
		"no length":            {answer: "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\na", fails: true},
		"other coding":         {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", fails: true},
		"coding twice":         {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", fails: true},
		"coding of 1.0":        {answer: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", fails: true},
		"bare LF":              {answer: "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\r\n\r\n", fails: true},
		"bare LF at the end":   {answer: "HTTP/1.1 200 OK\nContent-Length: 0\n\n", fails: true},
		"folded":               {answer: "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", fails: true},
		"blank before colon":   {answer: "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", fails: true},
		"CR in a field":        {answer: "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n", fails: true},
		"NUL in a field":       {answer: "HTTP/1.1 200 OK\r\nX: a\x00\r\nContent-Length: 0\r\n\r\n", fails: true},
		"other version":        {answer: "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", fails: true},
		"minor version":        {answer: "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", fails: true},
		"status":               {answer: "HTTP/1.1 0200 OK\r\nContent-Length: 0\r\n\r\n", fails: true},
		"not HTTP":             {answer: "SSH-2.0-OpenSSH\r\n\r\n", fails: true},
		"bare LF after a size": {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", fails: true},
		"chunk too long":       {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", fails: true},
		"size with a sign":     {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", fails: true},
		"size with a prefix":   {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", fails: true},
		"huge size":            {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n", fails: true},
		"folded trailer":       {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n", fails: true},
		"framing as a trailer": {answer: "HTTP/1.1 200 OK\r\nTrailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", fails: true},
		"only interim":         {answer: strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := once(tc.answer)
			if tc.reused {
				handler = always(tc.answer)
			}
			s, c := serveScript(t, handler)
			for range 2 {
				resp, body, err := get(t, c, newRequest(max(tc.method, "GET"), nil))
				if (err != nil) != tc.fails {
					t.Fatalf("got %q, %v", body, err)
				}
				if err == nil && (body != tc.body || resp.Trailer.Get("X-T") != tc.trailer) {
					t.Errorf("got %q, trailer %v", body, resp.Trailer)
				}
			}
			if want := map[bool]int{true: 1, false: 2}[tc.reused]; s.connections() != want {
				t.Errorf("two requests took %d connections, want %d", s.connections(), want)
			}
		})
	}
}

func TestWhatFollowsAnAnswerIsNotTheNextOne(t *testing.T) { // response queue poisoning
	t.Parallel()
	evil := "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	for name, answer := range map[string]string{
		"with it":   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + evil,
		"after 204": "HTTP/1.1 204 No Content\r\n\r\n" + evil,
		"chunked":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + evil,
	} {
		s, c := serveScript(t, always(answer))
		for range 2 {
			if _, body, err := get(t, c, newRequest("GET", nil)); err != nil || body == "evil" {
				t.Errorf("%s: got %q, %v", name, body, err)
			}
		}
		if s.connections() != 2 {
			t.Errorf("%s: the connection was used again", name)
		}
	}
}

// skipWhereLifeCannotBeSeen skips what depends on looking at an idle connection; elsewhere a young one is trusted.
func skipWhereLifeCannotBeSeen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("whether an idle connection has ended cannot be seen there yet")
	}
}

func TestUnaskedAnswerOnAnIdleConnectionIsNotTaken(t *testing.T) {
	t.Parallel()
	skipWhereLifeCannotBeSeen(t)
	sent := make(chan struct{})
	s, c := serveScript(t, func(conn net.Conn, br *bufio.Reader) {
		once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")(conn, br)
		_, _ = io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
		sent <- struct{}{}
		_, _ = br.ReadByte()
	})
	for range 2 {
		if resp, body, err := get(t, c, newRequest("POST", nil)); err != nil || body != "ok" || resp.StatusCode != 200 {
			t.Errorf("got %q, %v", body, err)
		}
		<-sent
	}
	if s.connections() != 2 {
		t.Errorf("%d connections", s.connections())
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestDeadKeptConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	skipWhereLifeCannotBeSeen(t)
	closed := make(chan struct{}, 1)
	s, c := serveScript(t, func(conn net.Conn, br *bufio.Reader) {
		once(ok)(conn, br)
		_ = conn.Close()
		closed <- struct{}{}
	}, always(ok))
	for range 2 { // a POST too: it is seen before anything is sent
		if _, body, err := get(t, c, newRequest("POST", strings.NewReader("body"))); err != nil || body != "ok" {
			t.Fatalf("got %q, %v", body, err)
		}
		select {
		case <-closed:
		default:
		}
	}
	if s.connections() != 2 {
		t.Errorf("%d connections", s.connections())
	}
}

// dying answers one request; the connection dies when the second has come.
func dying(conn net.Conn, br *bufio.Reader) {
	once(ok)(conn, br)
	_, _ = http.ReadRequest(br)
}

func TestRequestIsRepeatedOnlyIfThatDoesNoHarm(t *testing.T) {
	t.Parallel()
	replayable := func(r *http.Request) *http.Request {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("body")), nil }
		return r
	}
	keyed := replayable(newRequest("POST", strings.NewReader("body")))
	keyed.Header["Idempotency-Key"] = []string{"1"}
	for name, tc := range map[string]struct {
		r       *http.Request
		repeats bool
	}{
		"GET":                    {newRequest("GET", nil), true},
		"POST":                   {newRequest("POST", nil), false},
		"POST, key":              {keyed, true},
		"POST, body can be read": {replayable(newRequest("POST", strings.NewReader("body"))), false},
		"GET, body is gone":      {newRequest("GET", strings.NewReader("body")), false},
	} {
		s, c := serveScript(t, dying, always(ok))
		if _, _, err := get(t, c, newRequest("GET", nil)); err != nil {
			t.Fatal(err)
		}
		_, body, err := get(t, c, tc.r)
		if repeated := err == nil && body == "ok" && s.connections() == 2; repeated != tc.repeats {
			t.Errorf("%s: got %q, %v after %d connections", name, body, err, s.connections())
		}
	}
	// Not more than once, and not on a new connection.
	s, c := serveScript(t, dying, func(_ net.Conn, br *bufio.Reader) { _, _ = http.ReadRequest(br) })
	_, _, _ = get(t, c, newRequest("GET", nil))
	if _, _, err := get(t, c, newRequest("GET", nil)); err == nil || s.connections() != 2 {
		t.Errorf("got %v after %d connections", err, s.connections())
	}
}

func TestAnswerMayComeBeforeTheEndOfTheBody(t *testing.T) {
	t.Parallel()
	_, c := serveScript(t, func(conn net.Conn, br *bufio.Reader) {
		_, _ = http.ReadRequest(br)
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
		_, _ = io.Copy(io.Discard, br)
	})
	body, send := io.Pipe()
	defer send.Close()
	if resp, got, err := get(t, c, newRequest("POST", body)); err != nil || resp.StatusCode != 413 || got != "no" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestBodyThatBreaksOffBreaksTheRequestOff(t *testing.T) {
	t.Parallel()
	complete := make(chan bool, 1)
	_, c := serveScript(t, func(_ net.Conn, br *bufio.Reader) {
		r, err := http.ReadRequest(br)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		complete <- err == nil
	})
	gone := errors.New("gone")
	for name, change := range map[string]func(r *http.Request){
		"error":     func(r *http.Request) { r.Body = io.NopCloser(io.MultiReader(strings.NewReader("x"), failing{gone})) },
		"too short": func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 2 },
	} {
		r := newRequest("POST", strings.NewReader(""))
		r.ContentLength = -1
		change(r)
		if _, _, err := get(t, c, r); err == nil || !errors.Is(err, gone) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %v", name, err)
		}
		if <-complete {
			t.Errorf("%s: the server took it for complete", name)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestRequestsArriveAsTheyWere(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	_, c := serveScript(t, func(conn net.Conn, br *bufio.Reader) {
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			body, err := io.ReadAll(r.Body)
			got <- strings.TrimSpace(fmt.Sprintln(r.Method, r.RequestURI, r.Host, r.Header["X-A"], r.ContentLength, r.TransferEncoding, len(body), r.Trailer, err))
			_, _ = io.WriteString(conn, ok)
		}
	})
	big := strings.Repeat("x", 300_000)
	chunked := newRequest("PUT", io.MultiReader(strings.NewReader(big)))
	chunked.Trailer = http.Header{"X-Sum": {"1"}}
	for want, r := range map[string]*http.Request{
		"GET /a?b=c x.test [1 2] 0 [] 0 map[] <nil>":                       newRequest("GET", nil),
		"POST /a?b=c x.test [1 2] 0 [] 0 map[] <nil>":                      newRequest("POST", nil),
		"POST /a?b=c x.test [1 2] 300000 [] 300000 map[] <nil>":            newRequest("POST", strings.NewReader(big)),
		"PUT /a?b=c x.test [1 2] -1 [chunked] 300000 map[X-Sum:[1]] <nil>": chunked,
	} {
		if _, _, err := get(t, c, r); err != nil {
			t.Fatal(err)
		}
		if g := <-got; g != want {
			t.Errorf("got %s, want %s", g, want)
		}
	}
}

func TestRequestThatWouldBecomeAnotherIsNotSent(t *testing.T) {
	t.Parallel()
	s, c := serveScript(t, always(ok))
	for name, change := range map[string]func(r *http.Request){
		"method": func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nX:" },
		"host":   func(r *http.Request) { r.Host = "x\r\nX: y" },
		"name":   func(r *http.Request) { r.Header["X: y\r\nZ"] = []string{"1"} },
		"value":  func(r *http.Request) { r.Header["X"] = []string{"1\r\nY: 2"} },
		"query":  func(r *http.Request) { r.URL.RawQuery = "a HTTP/1.1\r\n" },
	} {
		r := newRequest("GET", nil)
		change(r)
		if _, _, err := get(t, c, r); err == nil || s.connections() != 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBodyWaitsForContinue(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer string
		asked  bool
	}{"asked": {"HTTP/1.1 100 Continue\r\n\r\n", true}, "refused": {"HTTP/1.1 417 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false}} {
		bodies := make(chan string, 1)
		_, c := serveScript(t, func(conn net.Conn, br *bufio.Reader) {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, tc.answer)
			body, _ := io.ReadAll(r.Body)
			bodies <- string(body)
			_, _ = io.WriteString(conn, ok)
		})
		c.ContinueTimeout = time.Hour
		r := newRequest("POST", strings.NewReader("body"))
		r.Header["Expect"] = []string{"100-continue"}
		if _, _, err := get(t, c, r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := <-bodies; (got == "body") != tc.asked {
			t.Errorf("%s: the server read %q", name, got)
		}
	}
}

func TestEndOfTheContextEndsTheExchange(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"head": "", "body": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"} {
		reached, gone := make(chan struct{}), make(chan struct{})
		_, c := serveScript(t, func(conn net.Conn, br *bufio.Reader) {
			_, _ = http.ReadRequest(br)
			_, _ = io.WriteString(conn, answer)
			close(reached)
			_, _ = br.ReadByte()
			close(gone)
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-reached
			cancel()
		}()
		if _, _, err := get(t, c, newRequest("GET", nil).WithContext(ctx)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", name, err)
		}
		<-gone
	}
}

func TestKeptConnectionsAreBoundedInNumberAndTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int64
		c := &Client{IdlePerHost: 2, Idle: 3, IdleTimeout: time.Minute}
		c.Dial = func(context.Context, string) (net.Conn, error) {
			client, server := net.Pipe()
			open.Add(1)
			go func() {
				defer open.Add(-1)
				always(ok)(server, bufio.NewReader(server))
			}()
			return client, nil
		}
		counted := func() int {
			c.mu.Lock()
			defer c.mu.Unlock()
			return max(c.kept, len(c.idle))
		}
		for _, destination := range []string{"a", "b"} {
			var answers []*http.Response
			for range 4 {
				resp, err := c.RoundTrip(newRequest("GET", nil), destination, nil)
				if err != nil {
					t.Fatal(err)
				}
				answers = append(answers, resp)
			}
			for _, resp := range answers {
				_, _ = io.Copy(io.Discard, resp.Body)
			}
		}
		synctest.Wait()
		if n := open.Load(); n != 3 || counted() != 3 {
			t.Errorf("%d connections are open, %d are counted, want 3", n, counted())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := open.Load(); n != 0 || counted() != 0 {
			t.Errorf("%d connections are open after their time, %d are counted", n, counted())
		}
		_, _, _ = get(t, c, newRequest("GET", nil))
		c.Close()
		synctest.Wait()
		if n := open.Load(); n != 0 {
			t.Errorf("%d connections are open after Close", n)
		}
	})
}

// FuzzAnswer compares with net/http: what both take for a response has the same fields, body and end.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcd", "HTTP/1.1 204 No Content\r\n\r\nabcd", "HTTP/1.0 200 OK\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\nX: y\r\n\r\nabcd",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nX: \tq \r\nConnection: Close\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X, Y\r\n\r\n3 \r\nabc\r\n00\r\n\r\n",
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, head bool) {
		r := &http.Request{Method: map[bool]string{true: "HEAD", false: "GET"}[head]}
		end := headEnd(data, 0)
		if end == 0 {
			return
		}
		x := &exchange{resp: http.Response{Request: r}}
		resp := &x.resp
		err := parseAnswer(string(data[:end]), resp, &x.fields)
		if err != nil || resp.StatusCode < 200 {
			return
		}
		br := bufio.NewReader(bytes.NewReader(data))
		theirs, err := http.ReadResponse(br, r)
		if err != nil {
			t.Fatalf("%q: net/http refuses it: %v", data, err)
		}
		for name, values := range theirs.Header {
			if name != "Trailer" && fmt.Sprint(resp.Header[name]) != fmt.Sprint(values) {
				t.Errorf("%q: field %s: %q, %q", data, name, resp.Header[name], values)
			}
		}
		in := stream{bufio.NewReaderSize(bytes.NewReader(data[end:]), 16), nil}
		x.p, x.r = &peer{client: &Client{}, in: in, conn: nopConn{}}, (&http.Request{}).WithContext(context.Background())
		x.attachBody()
		ours, err := io.ReadAll(resp.Body)
		body, theirErr := io.ReadAll(theirs.Body)
		if err != nil {
			return // stricter
		}
		if theirErr != nil || !bytes.Equal(ours, body) {
			t.Errorf("%q: body %q, net/http has %q, %v", data, ours, body, theirErr)
		}
		rest, _ := io.ReadAll(x.p.in.Reader)
		theirRest, _ := io.ReadAll(br)
		if !bytes.Equal(rest, theirRest) {
			t.Errorf("%q: it ends before %q, for net/http before %q", data, rest, theirRest)
		}
		if fmt.Sprint(resp.Trailer) != fmt.Sprint(theirs.Trailer) && len(resp.Trailer) > 0 {
			t.Errorf("%q: trailer %v, net/http has %v", data, resp.Trailer, theirs.Trailer)
		}
	})
}

// nopConn is a connection that can be closed.
type nopConn struct{ net.Conn }

func (nopConn) Close() error { return nil }
