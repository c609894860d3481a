package proxy

import (
	"errors"
	"io"
	"net/http"

	"authsome/internal/proxy/http1"
)

// smallBody is a length up to which head and body leave in one piece. Of a longer body the head goes ahead.
const smallBody = 4 << 10

// interim passes an interim response on (RFC 9110 section 15.2), except 100: the client's own server sends it when the
// body is read.
func (x *exchange) interim(status int, fields http.Header) {
	if status == http.StatusContinue {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done {
		return
	}
	if x.in.ProtoMajor == 2 && x.out.Body != nil {
		// After any other interim response net/http's server of HTTP/2 does not ask for the body any more, and a client
		// that waits to be asked would wait.
		x.w.WriteHeader(http.StatusContinue)
	}
	h := x.w.Header()
	for name, values := range fields {
		h[name] = values
	}
	x.guardInterim(h)
	dropHopByHop(h)
	delete(h, "Alt-Svc")
	delete(h, "Content-Length") // RFC 9110 section 8.6
	x.w.WriteHeader(status)
	clear(h)
}

// respond passes the response on. When the upstream breaks off, so does the client's response, for otherwise the
// client would take it for complete: panicking with http.ErrAbortHandler is the way in which a handler says that.
func (x *exchange) respond(resp *http.Response) {
	defer resp.Body.Close()
	h := x.takeHeader(resp)
	dropHopByHop(h)
	delete(h, "Alt-Svc") // it would lead the client past this proxy
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // keeps net/http from guessing
	}
	announced := len(resp.Trailer)
	for name := range resp.Trailer {
		if http1.MayTrail(name) && name != "Alt-Svc" {
			h.Add("Trailer", name)
		}
	}
	x.w.WriteHeader(resp.StatusCode)
	if resp.ContentLength < 0 || resp.ContentLength > smallBody || announced > 0 {
		if !x.flush() {
			panic(http.ErrAbortHandler)
		}
	}
	if !x.stream(resp) {
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.Trailer {
		if !http1.MayTrail(name) || name == "Alt-Svc" {
			continue
		}
		if !hasToken(h["Trailer"], name) {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// takeHeader makes the header of an answer that of the answer to the client, without copying it where that can be done.
func (x *exchange) takeHeader(resp *http.Response) http.Header {
	if w, ok := x.w.(interface{ TakeHeader(h http.Header) }); ok {
		w.TakeHeader(resp.Header)
		return resp.Header
	}
	h := x.w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	return h
}

// stream copies the body and sends each part when it arrives. The last part leaves together with the end.
func (x *exchange) stream(resp *http.Response) bool {
	if resp.Body == http.NoBody || x.in.Method == http.MethodHead {
		return true
	}
	buf := http1.GetBuffer()
	defer func() { http1.PutBuffer(buf) }()
	for {
		n, err := resp.Body.Read(*buf)
		if n > 0 {
			if _, err := x.w.Write((*buf)[:n]); err != nil {
				return false
			}
			if err == nil && !x.flush() {
				return false
			}
			buf = http1.FitBuffer(buf, n)
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			x.p.cfg.Logger.Debug("proxy: response", "host", x.d.host, "error", err)
			return false
		}
	}
}

func (x *exchange) flush() bool {
	f, ok := x.w.(interface{ FlushError() error })
	return ok && f.FlushError() == nil
}
