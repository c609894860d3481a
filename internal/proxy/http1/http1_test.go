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
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serve serves one end of a pipe and returns the other.
func serve(t *testing.T, s *Server, handler http.HandlerFunc) (net.Conn, *bufio.Reader, <-chan struct{}) {
	t.Helper()
	client, server := net.Pipe()
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.ServeConn(t.Context(), server, handler)
	}()
	t.Cleanup(func() {
		_ = client.Close()
		<-over
	})
	return client, bufio.NewReader(client), over
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
}

// read reads one response.
func read(t *testing.T, br *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestRequestsAreServedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	conn, br, _ := serve(t, &Server{}, echo)
	requests := []struct{ raw, want string }{
		{"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a "},
		{"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "POST /b abc"},
		{"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n", "POST /c def"},
	}
	go func() { // all at once: pipelined
		for _, r := range requests {
			_, _ = io.WriteString(conn, r.raw)
		}
	}()
	for _, r := range requests {
		if _, got := read(t, br, "GET"); got != r.want {
			t.Errorf("got %q, want %q", got, r.want)
		}
	}
}

func TestFramingFollowsTheResponse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, method, version string
		handler               http.HandlerFunc
		length                int64
		body                  string
		closes                bool
	}{
		{"length", "GET", "1.1", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			_, _ = io.WriteString(w, "ab")
		}, 2, "ab", false},
		{"chunked", "GET", "1.1", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ab") }, -1, "ab", false},
		{"nothing", "GET", "1.1", func(http.ResponseWriter, *http.Request) {}, 0, "", false},
		{"head", "HEAD", "1.1", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "2") }, 2, "", false},
		{"204", "GET", "1.1", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 0, "", false},
		{"old client", "GET", "1.0", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ab") }, -1, "ab", true},
	} {
		conn, br, over := serve(t, &Server{}, tc.handler)
		go func() { _, _ = fmt.Fprintf(conn, "%s / HTTP/%s\r\nHost: x\r\n\r\n", tc.method, tc.version) }()
		resp, body := read(t, br, tc.method)
		if body != tc.body || resp.ContentLength != tc.length || resp.Close != tc.closes {
			t.Errorf("%s: got %q, length %d, close %t", tc.name, body, resp.ContentLength, resp.Close)
		}
		if tc.closes {
			<-over
		}
	}
}

func TestCutOffResponseClosesTheConnection(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"too short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "ab")
			_ = http.NewResponseController(w).Flush()
		},
		"aborted": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "ab")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		conn, br, over := serve(t, &Server{}, handler)
		go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") }()
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: the client took it for complete", name)
		}
		<-over
	}
}

func TestPanicEndsItsConnectionOnly(t *testing.T) {
	t.Parallel()
	told := make(chan any, 1)
	server := &Server{Panicked: func(v any) { told <- v }}
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fault" {
			panic("a fault of ours")
		}
		_, _ = io.WriteString(w, "fine")
	}
	for path, ends := range map[string]bool{"/fault": true, "/": false} {
		conn, br, over := serve(t, server, handler)
		go func() { _, _ = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n") }()
		resp, err := http.ReadResponse(br, nil)
		if ended := err != nil; ended != ends {
			t.Errorf("%s: got %v, %v", path, resp, err)
		}
		if ends {
			<-over
			if v := <-told; v != "a fault of ours" {
				t.Errorf("told of %v", v)
			}
		}
	}
}

func TestTooLongResponseIsCut(t *testing.T) {
	t.Parallel()
	conn, br, _ := serve(t, &Server{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1")
		if _, err := io.WriteString(w, "ab"); !errors.Is(err, http.ErrContentLength) {
			t.Errorf("got %v", err)
		}
	})
	go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") }()
	if _, err := io.ReadAll(br); err != nil {
		t.Error(err)
	}
}

func TestFieldsCannotBreakOut(t *testing.T) {
	t.Parallel()
	conn, br, _ := serve(t, &Server{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-A"] = []string{"a\r\nX-Evil: 1", "fine"}
		w.Header()["X B"] = []string{"b"}
	})
	go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") }()
	resp, _ := read(t, br, "GET")
	if resp.Header.Get("X-Evil") != "" || resp.Header.Get("X-A") != "fine" || len(resp.Header) != 2 {
		t.Errorf("got %v", resp.Header)
	}
}

func TestUnreadBodyDoesNotBecomeTheNextRequest(t *testing.T) {
	t.Parallel()
	conn, br, _ := serve(t, &Server{}, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })
	body := "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	go func() {
		_, _ = fmt.Fprintf(conn, "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		_, _ = io.WriteString(conn, "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
	}()
	for _, want := range []string{"/1", "/2"} {
		if _, got := read(t, br, "GET"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBodyIsAskedForWhenItIsRead(t *testing.T) {
	t.Parallel()
	head := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
	conn, br, _ := serve(t, &Server{}, echo)
	go func() { _, _ = io.WriteString(conn, head) }()
	if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 100 {
		t.Fatalf("got %v, %v", resp, err)
	}
	go func() { _, _ = io.WriteString(conn, "b") }()
	if _, got := read(t, br, "POST"); got != "POST / b" {
		t.Errorf("got %q", got)
	}

	conn, br, over := serve(t, &Server{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(417) })
	go func() { _, _ = io.WriteString(conn, head) }()
	if resp, _ := read(t, br, "POST"); resp.StatusCode != 417 || !resp.Close {
		t.Errorf("got %s, close %t", resp.Status, resp.Close)
	}
	<-over
}

func TestClientThatLeavesEndsTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		begun := make(chan struct{})
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			close(begun)
			<-r.Context().Done()
		})
		go func() {
			_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
			<-begun
			time.Sleep(time.Hour)
			_ = client.Close()
		}()
		(&Server{}).ServeConn(t.Context(), server, handler)
	})
}

func TestSlowHeadIsGivenUp(t *testing.T) { // attack 40
	t.Parallel()
	for name, start := range map[string]string{"nothing": "", "part": "GET / HTTP/1.1\r\nHost: "} {
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			go func() { _, _ = io.WriteString(client, start) }()
			began := time.Now()
			(&Server{HeaderTimeout: time.Minute}).ServeConn(t.Context(), server, http.HandlerFunc(echo))
			if d := time.Since(began); d != time.Minute {
				t.Errorf("%s: given up after %s", name, d)
			}
		})
	}
}

func TestSlowAnswersAndIdleConnectionsAreNotTimed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		go func() {
			defer client.Close()
			br := bufio.NewReader(client)
			for range 2 {
				_, _ = io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				if _, got := read(t, br, "GET"); got != "late" {
					t.Errorf("got %q", got)
				}
				time.Sleep(time.Hour)
			}
		}()
		(&Server{HeaderTimeout: time.Minute}).ServeConn(t.Context(), server, http.HandlerFunc(
			func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(time.Hour)
				_, _ = io.WriteString(w, "late")
			}))
	})
}

func TestConnectionCanBeTakenOverAlsoLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		go func() { _, _ = io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") }()
		(&Server{}).ServeConn(context.WithoutCancel(t.Context()), server, http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Hour) // by now somebody waits for the next request
				conn, rw, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Fatal(err)
				}
				go func() { _, _ = io.WriteString(client, "x") }()
				if b, err := rw.ReadByte(); err != nil || b != 'x' || r.Context().Err() != nil {
					t.Errorf("read %q, %v, %v", b, err, r.Context().Err())
				}
				_ = conn.Close()
			}))
		_ = client.Close()
	})
}

func TestLargeHeadsAreBounded(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{10_000: 200, 200_000: 431} {
		conn, br, _ := serve(t, &Server{MaxHeaderBytes: 100_000}, echo)
		go func() {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", size)+"\r\n\r\n")
		}()
		if resp, _ := read(t, br, "GET"); resp.StatusCode != want {
			t.Errorf("%d bytes: got %s", size, resp.Status)
		}
	}
}

// FuzzRequest checks that a head which is accepted is one that cannot be understood in two ways.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		end := headEnd(data, 0)
		if end == 0 {
			return
		}
		head := data[:end]
		ours, err := (&conn{ctx: t.Context()}).parseRequest(string(head))
		if err != nil {
			return
		}
		theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
		if err != nil {
			t.Fatalf("%q: net/http refuses it: %v", head, err)
		}
		same(t, head, ours, theirs)
		if bytes.Count(head, []byte("\n")) != bytes.Count(head, []byte("\r\n")) || bytes.ContainsAny(head, "\x00\x7f") {
			t.Errorf("accepted %q", head)
		}
		folded := bytes.ToLower(head)
		framings := bytes.Count(folded, []byte("\r\ncontent-length:")) + bytes.Count(folded, []byte("\r\ntransfer-encoding:"))
		if framings > 1 || bytes.Count(folded, []byte("\r\nhost:")) > 1 || bytes.Contains(head, []byte("\r\n ")) {
			t.Errorf("accepted %q", head)
		}
		client, server := net.Pipe()
		go func() {
			_, _ = client.Write(data)
			_ = client.Close()
		}()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		(&Server{}).ServeConn(t.Context(), server, http.HandlerFunc(echo))
	})
}

// same compares what this package and net/http have read.
func same(t *testing.T, head []byte, ours, theirs *http.Request) {
	t.Helper()
	if _, ok := theirs.Header["Cache-Control"]; ok && len(ours.Header["Cache-Control"]) == 0 {
		delete(theirs.Header, "Cache-Control") // derived from Pragma, which is not passed on as something else here
	}
	delete(ours.Header, "Trailer")
	delete(theirs.Header, "Trailer")
	for name, get := range map[string]func(r *http.Request) any{
		"method": func(r *http.Request) any { return r.Method },
		"URL":    func(r *http.Request) any { return *r.URL },
		"target": func(r *http.Request) any { return r.RequestURI },
		"host":   func(r *http.Request) any { return r.Host },
		"header": func(r *http.Request) any { return r.Header },
		"length": func(r *http.Request) any { return r.ContentLength },
		"coding": func(r *http.Request) any { return r.TransferEncoding },
		"close":  func(r *http.Request) any { return r.Close },
		"minor":  func(r *http.Request) any { return r.ProtoMinor },
	} {
		if a, b := fmt.Sprintf("%+v", get(ours)), fmt.Sprintf("%+v", get(theirs)); a != b {
			t.Errorf("%q: %s %s, for net/http %s", head, name, a, b)
		}
	}
}

// What a handler says for the status line is one line there, of a bounded length, whatever is in it.
func TestExplanationsStayInTheStatusLine(t *testing.T) {
	t.Parallel()
	conn, br, _ := serve(t, &Server{}, func(w http.ResponseWriter, _ *http.Request) {
		w.(interface{ Explain(why string) }).Explain("a\r\nX-Injected: é\x00" + strings.Repeat("b", 1000)) //nolint:forcetypeassert // it is
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusForbidden)
	})
	go func() { _, _ = io.WriteString(conn, "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n") }()
	resp, _ := read(t, br, http.MethodConnect)
	want := "403 Forbidden (a??X-Injected: ??" + strings.Repeat("b", maxPhrase-17) + ")"
	if resp.Status != want || resp.Header.Get("X-Injected") != "" {
		t.Errorf("got %q, want %q", resp.Status, want)
	}
}

// A program that sends all of a large request before it looks for the response finds it, and may go on.
func TestLargeBodiesThatNobodyReadsAreReadAway(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err == nil {
			(&Server{Patience: 10 * time.Second}).ServeConn(t.Context(), conn, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "0")
				w.WriteHeader(http.StatusForbidden)
			}))
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String()) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	br := bufio.NewReader(conn)
	const size = 32 << 20
	for range 2 {
		_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
		if err == nil {
			_, err = conn.Write(make([]byte, size))
		}
		if err != nil {
			t.Fatal(err)
		}
		if resp, _ := read(t, br, http.MethodPost); resp.StatusCode != http.StatusForbidden {
			t.Errorf("got %s", resp.Status)
		}
	}
}
