package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"testing"
)

// BenchmarkMatchedRequest sends small requests through a decrypted connection, one after the other. Client and origin
// run in the same process and count in; internal/bench/proxybench compares with other proxies.
func BenchmarkMatchedRequest(b *testing.B) {
	w := newWorldFor(b)
	body := make([]byte, 1024)
	w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write(body)
	}))
	w.cfg.Routes[0].Excluded = patterns(b, apiHost+"/oauth/token")
	w.cfg.Recorder = forgetful{}
	w.start()
	conn, br := w.inside(apiHost)
	b.ReportAllocs()
	for b.Loop() {
		roundTrip(b, conn, br)
	}
}

func roundTrip(b *testing.B, conn *tls.Conn, br *bufio.Reader) {
	b.Helper()
	_, err := io.WriteString(conn, "GET /v1/items HTTP/1.1\r\nHost: "+apiHost+"\r\nUser-Agent: bench\r\n"+
		"Accept: application/json\r\nAccept-Encoding: gzip\r\nAuthorization: Bearer x\r\n\r\n")
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status, err)
	}
}
