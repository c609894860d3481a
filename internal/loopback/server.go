// Package loopback is what the person's browser talks to during a login: the redirect endpoint of an authorization
// request (RFC 8252 section 7.3) and a form for what must be typed in.
//
// [ListenCallback] serves the redirect, [ServeForm] the form, [ServeDevicePage] the code of a device. They listen on loopback
// only, from just before they are needed until just after (RFC 8252 section 8.3), and the first two take one answer: the first
// that belongs to the login. They work in this order: make one, send the browser to its address, Wait, do with the answer what is
// to be done, and Finish with the result, which the browser then shows.
//
// The package promises that other users of the machine (on Linux) and other web pages cannot take part: requests must name
// the host that was bound, which defeats DNS rebinding, a form must come from its own page, and its address cannot be guessed.
// Pages hold no script, are not stored, may not be framed, and never show what was typed in or the authorization code.
package loopback

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"authsome"
	"authsome/internal/peer"
)

const (
	// deliveryTime bounds how long Finish waits for the browser to fetch the page with the result.
	deliveryTime = time.Second
	// returnTime is how long a browser may have no connection at all, within deliveryTime: one that does not keep
	// connections alive comes back on another to fetch the page.
	returnTime = 200 * time.Millisecond
	// shutdownTime bounds how long answers that are being written may take to end. It is short, because a connection
	// that a browser has opened in advance and not used counts too.
	shutdownTime = 200 * time.Millisecond
	// maxBody bounds the body of any request, in bytes.
	maxBody = 64 << 10
	// maxConnections bounds the open connections: of more, the oldest is closed. A browser has few, and uses them at once.
	maxConnections = 128
)

// server is what the redirect endpoint, the form and the page of a device share: listeners, the checks of every request,
// and the page that tells the result.
type server struct {
	host     string // the only Host header that is answered
	provider string
	policy   string // the Referrer-Policy
	http     *http.Server

	finished  chan struct{} // closed when result is set
	delivered chan struct{} // closed when a browser has got the page with the result
	closed    chan struct{}

	mu      sync.Mutex // guards what follows
	result  error
	done    bool          // result is set
	shown   bool          // delivered is closed
	gone    bool          // closed is closed
	clients []net.Conn    // connections of browsers, the oldest first
	left    chan struct{} // gets a value when clients becomes empty
}

// serve starts answering on the listeners.
func serve(listeners []net.Listener, host, provider, policy string, handler http.Handler) *server {
	s := &server{
		host: host, provider: provider, policy: policy,
		finished: make(chan struct{}), delivered: make(chan struct{}), closed: make(chan struct{}),
		left: make(chan struct{}, 1),
	}
	s.http = &http.Server{
		Handler:           s.guard(handler),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ConnState:         s.track,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	for _, l := range listeners {
		go s.http.Serve(l) //nolint:errcheck // ends with http.ErrServerClosed
	}
	return s
}

// connKey is under what a request's context has its connection.
type connKey struct{}

// euid is whose login it is. Tests exchange it.
var euid = os.Geteuid

// guard lets only requests through that name the host that was bound and are not another user's, who can read the addresses of
// the pages, and so the state of the login, among the arguments of the browser. It sets the header fields of every answer.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", contentPolicy())
		h.Set("Referrer-Policy", s.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !strings.EqualFold(r.Host, s.host) {
			http.Error(w, "this address is not served here", http.StatusMisdirectedRequest)
			return
		}
		if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok && peer.IsForeign(conn, euid()) {
			http.Error(w, "this login is another user's; a browser of another user can be used with: authsome login --no-browser", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// showResult answers with the page that tells the result, once there is one.
func (s *server) showResult(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.finished:
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Connection", "close")
	writePage(w, http.StatusOK, resultPage(s.provider, s.result))
	_ = http.NewResponseController(w).Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.shown {
		s.shown = true
		close(s.delivered)
	}
}

// finish sets the result, unless there is one.
func (s *server) finish(result error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		s.done, s.result = true, result
		close(s.finished)
	}
}

// track keeps count of the browser's connections: when there are none for a while, nobody is going to fetch another page.
func (s *server) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.clients = append(s.clients, c)
		if len(s.clients) > maxConnections {
			_ = s.clients[0].Close()
			s.clients = slices.Delete(s.clients, 0, 1)
		}
	case http.StateClosed, http.StateHijacked:
		s.clients = slices.DeleteFunc(s.clients, func(other net.Conn) bool { return other == c })
		if len(s.clients) == 0 {
			select {
			case s.left <- struct{}{}:
			default:
			}
		}
	}
}

// close gives a browser that was promised a result a moment to fetch it, then ends everything.
func (s *server) close(promised bool) error {
	s.finish(errClosed)
	s.mu.Lock()
	first := !s.gone
	s.gone = true
	s.mu.Unlock()
	if !first {
		return nil
	}
	close(s.closed)
	if promised {
		s.awaitDelivery()
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		return s.http.Close()
	}
	return nil
}

func (s *server) awaitDelivery() {
	limit := time.NewTimer(deliveryTime)
	defer limit.Stop()
	var gone <-chan time.Time // fires if nobody has come back; nil while somebody is there
	for {
		switch alone := s.alone(); {
		case !alone:
			gone = nil
		case gone == nil:
			gone = time.After(returnTime)
		}
		select {
		case <-s.delivered:
			return
		case <-s.left:
			gone = nil
		case <-gone:
			if s.alone() {
				return
			}
		case <-limit.C:
			return
		}
	}
}

// alone reports whether no browser has a connection.
func (s *server) alone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients) == 0
}

var errClosed = errors.New("the login was not finished")

// waitError says why waiting for the browser has ended.
func (s *server) waitError(ctx context.Context) error {
	e := &authsome.Error{Kind: authsome.KindCancelled, Message: "the login was cancelled", Err: ctx.Err()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Kind, e.Message = authsome.KindLoginFailed, "nobody answered in the browser in time"
	}
	return e
}
