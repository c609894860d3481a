package http1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func mustGet(t *testing.T, c *Client, ctx context.Context) {
	t.Helper()
	if _, body, err := get(t, c, newRequest("GET", nil).WithContext(ctx)); err != nil || body != "ok" {
		t.Fatalf("%q, %v", body, err)
	}
}

func TestKeptConnectionOutlivesTheClientsOne(t *testing.T) {
	t.Parallel()
	s, c := serveScript(t, always(okAnswer))
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		lasting := newLasting(ctx)
		mustGet(t, c, lasting)
		mustGet(t, c, lasting)
		cancel()
		for c.idle["x"][0].life.tiedTo() != 0 {
			time.Sleep(time.Millisecond)
		}
	}
	mustGet(t, c, t.Context())
	if n := s.connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestEndOfTheClientsConnectionEndsItsExchange has a connection go from one client to another and to a request by itself, each of
// which ends while the answer is awaited, after the one before it has ended in peace.
func TestEndOfTheClientsConnectionEndsItsExchange(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]func(context.Context) context.Context{
		"the same client":     nil,
		"another client":      newLasting,
		"a request by itself": func(ctx context.Context) context.Context { return ctx },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{})
			_, c := serveScript(t, func(conn net.Conn, br *bufio.Reader) {
				for range 2 {
					if _, err := http.ReadRequest(br); err != nil {
						return
					}
					_, _ = io.WriteString(conn, okAnswer)
				}
				if _, err := http.ReadRequest(br); err == nil {
					close(asked)
				}
				_, _ = io.Copy(io.Discard, br) // until the end
			})
			first, cancelFirst := context.WithCancel(t.Context())
			defer cancelFirst()
			cancel := cancelFirst
			lasting := newLasting(first)
			mustGet(t, c, lasting)
			mustGet(t, c, lasting)
			if last != nil {
				var ctx context.Context
				ctx, cancel = context.WithCancel(t.Context())
				defer cancel()
				lasting = last(ctx)
			}
			failed := make(chan error)
			go func() {
				_, _, err := get(t, c, newRequest("GET", nil).WithContext(lasting))
				failed <- err
			}()
			<-asked
			if last != nil {
				over := make(chan struct{})
				context.AfterFunc(first, func() { close(over) })
				cancelFirst() // not the one that waits
				<-over
				select {
				case err := <-failed:
					t.Fatalf("the end of another client ended it: %v", err)
				case <-time.After(20 * time.Millisecond):
				}
			}
			cancel()
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want that of the context", err)
			}
		})
	}
}

func TestClientGetsItsConnectionBack(t *testing.T) {
	t.Parallel()
	c := &Client{}
	defer c.Close()
	for id := range uint64(4) {
		near, far := net.Pipe()
		defer far.Close()
		p := c.newPeer(near, "x")
		p.life.id = id
		p.keep()
	}
	for _, want := range []uint64{2, 1} {
		if p := c.take("x", want); p == nil || p.life.id != want {
			t.Errorf("client %d did not get the connection that is tied to it", want)
		}
	}
	if p := c.take("x", 9); p == nil || p.life.id != 3 {
		t.Error("a new client did not get the connection that was used last")
	}
	if p := c.take("x", 0); p == nil || p.life.id != 0 {
		t.Error("the last connection is not there")
	}
	if p := c.take("x", 0); p != nil || c.kept != 0 {
		t.Error("there is one too many")
	}
}

// TestLongRequestAfterShortOnesIsWatched has the timer of the watch begin with a request before.
func TestLongRequestAfterShortOnesIsWatched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/long" {
				began := time.Now()
				<-r.Context().Done()
				if took := time.Since(began); took != watchAfter {
					t.Errorf("the client's end was noticed after %v, want %v", took, watchAfter)
				}
			}
		})
		go func() {
			br := bufio.NewReader(client)
			for range 3 {
				_, _ = io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				if _, err := http.ReadResponse(br, nil); err != nil {
					t.Error(err)
				}
				time.Sleep(watchAfter * 3 / 5)
			}
			_, _ = io.WriteString(client, "GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
			_ = client.Close()
		}()
		(&Server{}).ServeConn(t.Context(), server, handler)
	})
}
