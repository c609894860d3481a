package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"authsome"
)

// revocable is a world in which the connection can end, and a second one that stays as it is, at the same host.
type revocable struct {
	*world
	changed chan struct{}
	state   atomic.Int32 // of the first connection
}

// What may have become of the first connection.
const (
	connected = iota
	revoked
	anotherLogin // revoked and logged in again
)

const otherPath = "/other"

func newRevocable(t *testing.T, handler http.Handler) *revocable {
	t.Helper()
	w := &revocable{world: newWorld(t), changed: make(chan struct{})}
	first := w.cfg.Routes[0].Ref
	other := authsome.Ref{Provider: "example", Connection: "other"}
	w.cfg.Routes = append(w.cfg.Routes, Route{Ref: other, Hosts: patterns(t, apiHost+otherPath)})
	w.cfg.Source = sourceByRef(func(ref authsome.Ref) (*authsome.Credential, error) {
		switch {
		case ref == other:
			return credential(t, other, "token-of-other", 1, apiHost), nil
		case w.state.Load() == revoked:
			return nil, &authsome.Error{
				Kind: authsome.KindConnectionNotFound, Message: "not connected", Hint: "authsome login example",
			}
		case w.state.Load() == anotherLogin:
			return credential(t, first, "token-of-another-login", 1, apiHost), nil
		}
		return credential(t, first, "token-1", 1, apiHost), nil
	})
	w.cfg.Changed = w.changed
	w.serve(apiHost, handler)
	w.start()
	return w
}

// become changes the first connection and tells the proxy.
func (w *revocable) become(state int32) {
	w.state.Store(state)
	w.changed <- struct{}{}
}

// endless sends a line, and then nothing until the client has gone.
func endless(ended chan<- string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: 1\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		ended <- r.URL.Path
	})
}

// within fails the test when nothing comes.
func within[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s did not end", what)
	}
	return v
}

// stream opens an endless answer, and returns what its end is told on: nil if it looked complete.
func stream(t *testing.T, rt http.RoundTripper, path string) <-chan error {
	t.Helper()
	resp, err := rt.RoundTrip(request(t, "GET", "https://"+apiHost+path, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	br := bufio.NewReader(resp.Body)
	if line, err := br.ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Fatalf("the stream began with %q, %v", line, err)
	}
	end := make(chan error, 1)
	go func() {
		_, err := br.ReadByte()
		end <- err
	}()
	return end
}

func TestStreamsEndWithTheirConnection(t *testing.T) { // attack 29
	for name, state := range map[string]int32{"revoked": revoked, "another login": anotherLogin} {
		t.Run(name, func(t *testing.T) {
			versions(t, func(t *testing.T, http2 bool) {
				ended := make(chan string, 2)
				w := newRevocable(t, endless(ended))
				rt := w.transport(http2)
				first, other := stream(t, rt, "/"), stream(t, rt, otherPath)
				w.become(state)
				if err := within(t, "the stream", first); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("the stream ended with %v, as if it were complete", err)
				}
				if path := within(t, "the request upstream", ended); path != "/" {
					t.Errorf("the request that ended upstream is for %s", path)
				}
				select {
				case err := <-other:
					t.Errorf("the stream of another connection ended: %v", err)
				case path := <-ended:
					t.Errorf("the request of another connection ended: %s", path)
				case <-time.After(50 * time.Millisecond): // it has the chance to be wrong; more would prove no more
				}
			})
		})
	}
}

func TestRevokedConnectionIsRefusedWithWhatToDo(t *testing.T) { // attack 29
	versions(t, func(t *testing.T, http2 bool) {
		var api seen
		w := newRevocable(t, &api)
		rt := w.transport(http2)
		do(t, rt, request(t, "GET", "https://"+apiHost+"/", nil))
		w.become(revoked)
		w.changed <- struct{}{} // the first review has begun, and the second waits for nothing
		for range 100 {         // the review is a call away
			resp, body := do(t, rt, request(t, "GET", "https://"+apiHost+"/", nil))
			if resp.StatusCode == http.StatusOK {
				time.Sleep(time.Millisecond)
				continue
			}
			if got := refusalOf(t, resp, body); resp.StatusCode != 502 || got["hint"] != "authsome login example" {
				t.Errorf("got %d %s", resp.StatusCode, body)
			}
			w.become(connected)
			if resp, body := do(t, rt, request(t, "GET", "https://"+apiHost+"/", nil)); resp.StatusCode != 200 {
				t.Errorf("after the next login got %d %s", resp.StatusCode, body)
			}
			return
		}
		t.Error("the connection is gone, and its credential is still sent")
	})
}

func TestRequestsWithoutAnAnswerEndWithTheirConnection(t *testing.T) { // attack 29
	versions(t, func(t *testing.T, http2 bool) {
		for what, upload := range map[string]bool{"a download": false, "an upload": true} {
			var body io.Reader
			rest := io.Closer(io.NopCloser(nil))
			if upload {
				pr, pw := io.Pipe()
				go func() { _, _ = io.WriteString(pw, "begin") }()
				body, rest = pr, pw
			}
			begun, ended := make(chan struct{}), make(chan struct{})
			w := newRevocable(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.Body != http.NoBody {
					_, _ = io.ReadFull(r.Body, make([]byte, len("begin")))
				}
				close(begun)
				if r.Body != http.NoBody {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				<-r.Context().Done()
				close(ended)
			}))
			end := make(chan error, 1)
			go func() {
				resp, err := w.transport(http2).RoundTrip(request(t, "POST", "https://"+apiHost+"/", body))
				if err == nil {
					_ = resp.Body.Close()
				}
				end <- err
			}()
			within(t, what+" to arrive", begun)
			w.become(revoked)
			within(t, what+" upstream", ended)
			_ = rest.Close() // for which the client's transport waits
			if err := within(t, what, end); err == nil {
				t.Errorf("%s was answered", what)
			}
		}
	})
}

func TestWebSocketEndsWithItsConnection(t *testing.T) { // attack 29
	t.Parallel()
	ended := make(chan error, 1)
	w := newRevocable(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(rw, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_, _, err = c.Read(t.Context())
		ended <- err
	}))
	c, _, err := websocket.Dial(t.Context(), "wss://"+apiHost+"/ws",
		&websocket.DialOptions{HTTPClient: &http.Client{Transport: w.transport(false)}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	w.become(revoked)
	if _, _, err := c.Read(t.Context()); err == nil {
		t.Error("the client got a message")
	}
	if err := within(t, "the WebSocket upstream", ended); err == nil {
		t.Error("the server got a message")
	}
}

func TestTunnelOutlivesTheConnectionsOfOthers(t *testing.T) { // attack 29
	t.Parallel()
	w := newRevocable(t, &seen{})
	do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	ln := echoAtEnd(t)
	conn, br := w.raw()
	_, _ = io.WriteString(conn, "CONNECT "+ln.Addr().String()+" HTTP/1.1\r\nHost: x\r\nProxy-Authorization: "+
		basic("authsome", password)+"\r\n\r\n")
	if status, err := br.ReadString('\n'); err != nil || status != "HTTP/1.1 200 Connection established\r\n" {
		t.Fatalf("got %q, %v", status, err)
	}
	_, _ = br.ReadString('\n')
	w.become(revoked)
	w.changed <- struct{}{}
	_, _ = io.WriteString(conn, "hello")
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	if all, err := io.ReadAll(br); err != nil || string(all) != "hello" {
		t.Errorf("the tunnel gave %q, %v", all, err)
	}
}

type sourceByRef func(authsome.Ref) (*authsome.Credential, error)

// Credential returns what the function does.
func (f sourceByRef) Credential(
	_ context.Context, ref authsome.Ref, _ authsome.CredentialOptions,
) (*authsome.Credential, error) {
	return f(ref)
}
