package authserver

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Fault is a way in which a token request goes wrong, or just differently. Each meets one request.
type Fault struct {
	name  string
	serve func(*exchange)
}

// String returns the fault's name, as [Request] has it.
func (f Fault) String() string { return f.name }

// exchange is one token request in the hands of a fault.
type exchange struct {
	w        http.ResponseWriter
	r        *http.Request
	released <-chan struct{}
	process  func() response // does what the request asks for: a refresh token is rotated
}

// Inject queues faults: the next token request meets the first, the one after it the second, and so on.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// ClearFaults empties the queue.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Release ends the waiting of every request that hangs or is delayed now.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.released)
	s.released = make(chan struct{})
}

// nextFault takes a fault from the queue; the zero Fault is none. The lock is held.
func (s *Server) nextFault() Fault {
	if len(s.faults) == 0 {
		return Fault{}
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f
}

// OAuthError answers an error of RFC 6749 section 5.2 with any status and does nothing else.
func OAuthError(status int, code string) Fault {
	return Fault{name: code, serve: func(x *exchange) {
		fail(status, code, "injected: "+code).write(x.w)
	}}
}

// Status answers a status with a page that says no more, and does nothing else. retryAfter is the header field of that
// name, in seconds or a date; empty: none.
func Status(status int, retryAfter string) Fault {
	return Fault{name: "status " + strconv.Itoa(status), serve: func(x *exchange) {
		if retryAfter != "" {
			x.w.Header().Set("Retry-After", retryAfter)
		}
		http.Error(x.w, http.StatusText(status), status)
	}}
}

// Unavailable answers 503 with Retry-After in seconds.
func Unavailable(retryAfter time.Duration) Fault {
	return Status(http.StatusServiceUnavailable, strconv.Itoa(int(retryAfter.Seconds())))
}

// RateLimited answers 429 with Retry-After in seconds.
func RateLimited(retryAfter time.Duration) Fault {
	return Status(http.StatusTooManyRequests, strconv.Itoa(int(retryAfter.Seconds())))
}

// Redirect answers 302, like a captive portal, and does nothing else.
func Redirect(location string) Fault {
	return Fault{name: "redirect", serve: func(x *exchange) {
		http.Redirect(x.w, x.r, location, http.StatusFound)
	}}
}

// HTML answers 200 with a web page, like a captive portal, and does nothing else.
func HTML() Fault {
	return Fault{name: "html", serve: func(x *exchange) {
		x.w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = x.w.Write([]byte("<!doctype html><title>Welcome</title><p>Sign in to the network.</p>"))
	}}
}

// ErrorIn200 answers an error with the status 200, like GitHub, and does nothing else.
func ErrorIn200(code string) Fault {
	return Fault{name: "200 " + code, serve: func(x *exchange) {
		fail(http.StatusOK, code, "injected: "+code).write(x.w)
	}}
}

// NotOK answers 200 with "ok": false, like Slack, and does nothing else.
func NotOK(code string) Fault {
	return Fault{name: "not ok " + code, serve: func(x *exchange) {
		writeJSON(x.w, http.StatusOK, map[string]any{"ok": false, "error": code})
	}}
}

// Hang does nothing and does not answer, until the client leaves or [Server.Release].
func Hang() Fault {
	return Fault{name: "hang", serve: func(x *exchange) {
		if x.wait(nil) {
			x.process().write(x.w)
		}
	}}
}

// HangAfter processes the request at once and answers only after [Server.Release], if the client is still there.
func HangAfter() Fault {
	return Fault{name: "hang after", serve: func(x *exchange) {
		a := x.process()
		if x.wait(nil) {
			a.write(x.w)
		}
	}}
}

// Delay waits, then does as it should; [Server.Release] shortens it.
func Delay(d time.Duration) Fault {
	return Fault{name: "delay " + d.String(), serve: func(x *exchange) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		if x.wait(timer.C) {
			x.process().write(x.w)
		}
	}}
}

// wait reports whether the client is still there at the end.
func (x *exchange) wait(elapsed <-chan time.Time) bool {
	select {
	case <-x.r.Context().Done():
		return false
	case <-x.released:
	case <-elapsed:
	}
	return true
}

// ResetBefore resets the connection; nothing has happened.
func ResetBefore() Fault {
	return Fault{name: "reset before", serve: func(x *exchange) { x.reset() }}
}

// ResetAfter processes the request, then resets the connection: a refresh token is rotated and its successor lost.
func ResetAfter() Fault {
	return Fault{name: "reset after", serve: func(x *exchange) {
		x.process()
		x.reset()
	}}
}

// reset makes the kernel send a TCP RST instead of an orderly end.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: net/http resets the stream
	}
	defer conn.Close()
	if outer, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = outer.NetConn() // below TLS
		defer conn.Close()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// TruncateAfter processes the request and ends the connection in the middle of the answer.
func TruncateAfter() Fault {
	return Fault{name: "truncate after", serve: func(x *exchange) {
		a := x.process()
		body := a.encoded()
		x.w.Header().Set("Content-Type", "application/json")
		x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		x.w.WriteHeader(a.status)
		_, _ = x.w.Write(body[:len(body)/2]) // net/http closes the connection, as more was announced
	}}
}

// HalfJSON processes the request and answers half of the JSON as if it were whole.
func HalfJSON() Fault {
	return Fault{name: "half json", serve: func(x *exchange) {
		body := x.process().encoded()
		x.w.Header().Set("Content-Type", "application/json")
		_, _ = x.w.Write(body[:len(body)/2])
	}}
}

// FormEncoded does as it should and answers form-encoded, like GitHub.
func FormEncoded() Fault {
	return Fault{name: "form", serve: func(x *exchange) {
		a := x.process()
		form := make(url.Values)
		for name, v := range a.body {
			switch v := v.(type) {
			case string:
				form.Set(name, v)
			case int64:
				form.Set(name, strconv.FormatInt(v, 10))
			}
		}
		x.w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		x.w.WriteHeader(a.status)
		_, _ = x.w.Write([]byte(form.Encode()))
	}}
}

// Edit does as it should, and lets a function change the answer's members before it is written.
func Edit(name string, change func(body map[string]any)) Fault {
	return Fault{name: name, serve: func(x *exchange) {
		a := x.process()
		change(a.body)
		a.write(x.w)
	}}
}

// ExpiresIn does as it should and answers expires_in with any value: nil is null, "3600" text, 3599.5 a fraction.
func ExpiresIn(v any) Fault {
	return Edit("expires_in", func(body map[string]any) { body["expires_in"] = v })
}

// OmitExpiresIn does as it should and leaves expires_in out of the answer.
func OmitExpiresIn() Fault {
	return Edit("no expires_in", func(body map[string]any) { delete(body, "expires_in") })
}

// OmitRefreshToken does as it should and leaves refresh_token out of the answer. Where tokens rotate, it is lost.
func OmitRefreshToken() Fault {
	return Edit("no refresh_token", func(body map[string]any) { delete(body, "refresh_token") })
}
