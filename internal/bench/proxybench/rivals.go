package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"

	"authsome/internal/mitm"
)

// token is the credential that both MITM proxies inject. The origin refuses requests without it under hostMatched.
const token = "Bearer 0123456789abcdef0123456789abcdef01234567"

// serveOrigin is the API.
func serveOrigin(endpoint) error {
	ca, err := mitm.NewCA(nil)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := announce(endpoint{Address: ln.Addr().String(), CA: ca.CertificatePEM()}); err != nil {
		return err
	}
	answer := bytes.Repeat([]byte("x"), 1024)
	handler := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		body := answer
		if r.Host == hostMatched && r.Header.Get("Authorization") != token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
		if err == nil && r.URL.Path == "/events" {
			serveEvents(w, n)
			return
		}
		if err != nil {
			n = int64(len(body))
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Request-Id", "0123456789")
		h.Set("Content-Length", strconv.FormatInt(n, 10))
		if n == int64(len(body)) {
			_, _ = w.Write(body)
			return
		}
		body = make([]byte, 64<<10)
		for ; n > 0; n -= int64(len(body)) {
			if _, err := w.Write(body[:min(int64(len(body)), n)]); err != nil {
				return
			}
		}
	}
	cfg := &tls.Config{
		NextProtos: []string{"http/1.1"},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c := ca.ServerConfig(hello.ServerName).Clone()
			c.NextProtos = []string{"http/1.1"}
			return c, nil
		},
	}
	server := &http.Server{Handler: http.HandlerFunc(handler), ErrorLog: log.New(io.Discard, "", 0)} //nolint:gosec // a benchmark without time-outs
	return server.Serve(tls.NewListener(ln, cfg))
}

// serveTunnel is the smallest CONNECT proxy.
func serveTunnel(origin endpoint) error {
	return acceptConnect(nil, func(client net.Conn, _ string) {
		defer client.Close()
		server, err := net.Dial("tcp", origin.Address)
		if err != nil {
			return
		}
		defer server.Close()
		go func() {
			_, _ = io.Copy(server, client)
			_ = server.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(client, server)
	})
}

// acceptConnect accepts connections, answers CONNECT and hands them over.
func acceptConnect(ca []byte, handle func(client net.Conn, host string)) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := announce(endpoint{Address: ln.Addr().String(), CA: ca}); err != nil {
		return err
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			req, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil || req.Method != http.MethodConnect {
				_ = conn.Close()
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			handle(conn, req.URL.Hostname())
		}()
	}
}

// serveSmallest is the smallest MITM proxy of net/http: its Server on one side, a pooled Transport on the other, one
// header set in between.
func serveSmallest(origin endpoint) error {
	ca, err := mitm.NewCA(nil)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(origin.CA)
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		MaxIdleConnsPerHost: 256,
		DisableCompression:  true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", origin.Address)
		},
	}
	conns := make(queue)
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0)} //nolint:gosec // as small as it gets
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host, r.RequestURI = "https", r.Host, ""
		r.Header.Set("Authorization", token)
		resp, err := transport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		if resp.ContentLength < 0 {
			copyFlushing(w, resp.Body)
			return
		}
		_, _ = io.Copy(w, resp.Body)
	})
	go func() { _ = server.Serve(conns) }()
	cfg := &tls.Config{
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return ca.Leaf(hello.ServerName) },
	}
	return acceptConnect(ca.CertificatePEM(), func(client net.Conn, _ string) { conns <- tls.Server(client, cfg) })
}

// copyFlushing passes a stream on as it comes.
func copyFlushing(w http.ResponseWriter, body io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if _, failed := w.Write(buf[:n]); failed != nil || http.NewResponseController(w).Flush() != nil || err != nil {
			return
		}
	}
}

// queue is a net.Listener of connections that are there already.
type queue chan net.Conn

// Accept returns the next connection.
func (q queue) Accept() (net.Conn, error) { return <-q, nil }

// Close does nothing.
func (q queue) Close() error { return nil }

// Addr returns an address that says nothing.
func (q queue) Addr() net.Addr { return &net.TCPAddr{} }
