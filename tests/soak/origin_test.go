package soak_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"authsome/internal/mitm"
)

// content is what belongs to an identifier: n bytes that say so all over.
func content(id string, n int) []byte {
	unit := []byte(id + ";")
	return bytes.Repeat(unit, n/len(unit)+1)[:n]
}

// origin answers as the path says. Every answer holds the identifier of its request.
func origin(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Id")
	w.Header().Set("X-Id", id)
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	control := http.NewResponseController(w)
	switch r.URL.Path {
	case "/down":
		_, _ = w.Write(content(id, n))
	case "/up":
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(body, content(id, n)) {
			w.WriteHeader(http.StatusConflict)
		}
		_, _ = io.WriteString(w, id)
	case "/events":
		for range n {
			_, _ = io.WriteString(w, "data: "+id+"\n\n")
			_ = control.Flush()
			time.Sleep(5 * time.Millisecond)
		}
	case "/slow":
		time.Sleep(300 * time.Millisecond)
		_, _ = io.WriteString(w, id)
	case "/unavailable":
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, id)
	case "/reset":
		panic(http.ErrAbortHandler)
	case "/broken", "/torn":
		if r.URL.Path == "/broken" { // the other is of unknown length
			w.Header().Set("Content-Length", strconv.Itoa(n))
		}
		_, _ = w.Write(content(id, n/2))
		_ = control.Flush()
		panic(http.ErrAbortHandler)
	case "/show":
		show(w, r, id, n)
	case "/socket":
		echo(w, r)
	}
}

// show shows the credential, many times, in small pieces and compressed. Who sends none is told so, in plain.
func show(w http.ResponseWriter, r *http.Request, id string, n int) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	text := strings.Repeat(id+" <"+key+">\n", n)
	w.Header().Set("X-Length", strconv.Itoa(len(text)))
	out := io.WriteCloser(plain{w})
	if key != "" {
		w.Header().Set("Content-Encoding", "gzip")
		out = gzip.NewWriter(w)
	}
	for control := http.NewResponseController(w); text != ""; _ = control.Flush() {
		part := text[:min(len(text), 97)]
		text = text[len(part):]
		_, _ = io.WriteString(out, part)
		if z, ok := out.(*gzip.Writer); ok {
			_ = z.Flush()
		}
	}
	_ = out.Close()
}

// plain is a writer that need not be closed.
type plain struct{ io.Writer }

// Close does nothing.
func (plain) Close() error { return nil }

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

// serve starts a server under a name and returns the flag of run that leads to it.
func serve(t *testing.T, ca *mitm.CA, host string, handler http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	server := &http.Server{Handler: handler, Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(tls.NewListener(ln, ca.ServerConfig(host))) }()
	t.Cleanup(func() { _ = server.Close() })
	return "--resolve=" + host + ":443:" + ln.Addr().String()
}

// guarded lets requests with a key of ours pass.
func guarded(api http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "+keyPrefix) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		api(w, r)
	})
}
