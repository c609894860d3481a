package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// authorization is what every proxy of the comparison is sent; only one of them asks for it.
const (
	benchUser     = "bench"
	benchPassword = "bench"
	authorization = "Basic YmVuY2g6YmVuY2g="
)

// uploadSize is the length of one uploaded body, downloadSize of one that is downloaded.
const (
	uploadSize   = 32 << 20
	downloadSize = 32 << 20
)

// target is a way to the origin: the proxy, the name asked for and who vouches for it.
type target struct {
	proxy, host string
	ca          []byte
	pid         int // of the proxy
}

// open connects to the origin through the proxy.
func (t target) open(session *tls.Config) (*tls.Conn, *bufio.Reader, error) {
	conn, err := net.Dial("tcp", t.proxy)
	if err != nil {
		return nil, nil, err
	}
	_, err = fmt.Fprintf(conn, "CONNECT %[1]s:443 HTTP/1.1\r\nHost: %[1]s:443\r\nProxy-Authorization: %[2]s\r\n\r\n",
		t.host, authorization)
	if err != nil {
		return nil, nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // the tunnel is the body
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, errors.New("CONNECT was answered " + resp.Status)
	}
	secure := tls.Client(conn, session)
	return secure, bufio.NewReaderSize(secure, 32<<10), secure.Handshake()
}

// work does one request on a connection and adds what it has done to a count while it does it.
type work func(conn *tls.Conn, br *bufio.Reader, count *atomic.Int64) error

// during runs one worker per connection for a while and returns the sum of what they count, per second. The
// connections are made, and used once, before the clock starts.
func (t target) during(n int, d time.Duration, work work) (float64, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(t.ca) {
		return 0, errors.New("no certificate authority")
	}
	session := &tls.Config{RootCAs: roots, ServerName: t.host, NextProtos: []string{"http/1.1"}}
	var total, failed atomic.Int64
	var over atomic.Bool
	var wg sync.WaitGroup
	begin := make(chan struct{})
	ready := make(chan error, n)
	for range n {
		wg.Go(func() {
			conn, br, err := t.open(session)
			if err == nil {
				defer conn.Close() //nolint:errcheck // nothing was written that matters
				err = t.request(conn, br, new(atomic.Int64))
			}
			ready <- err
			<-begin
			for err == nil && !over.Load() {
				err = work(conn, br, &total)
			}
			if err != nil {
				failed.Add(1)
			}
		})
	}
	var err error
	for range n {
		err = errors.Join(err, <-ready)
	}
	total.Store(0)
	started := time.Now()
	close(begin)
	if err == nil {
		time.Sleep(d)
	}
	elapsed := time.Since(started)
	sum := total.Load()
	over.Store(true)
	wg.Wait()
	if err == nil && failed.Load() > 0 {
		err = fmt.Errorf("%d of %d connections failed", failed.Load(), n)
	}
	return float64(sum) / elapsed.Seconds(), err
}

// requests counts small requests, one after the other on each connection.
func (t target) requests(n int, d time.Duration) (float64, error) { return t.during(n, d, t.request) }

func (t target) request(conn *tls.Conn, br *bufio.Reader, count *atomic.Int64) error {
	head := "GET /v1/items?page=2 HTTP/1.1\r\nHost: " + t.host + "\r\nUser-Agent: bench/1.0\r\nAccept: application/json\r\n" +
		"Accept-Encoding: gzip\r\nAuthorization: Bearer placeholder\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		return err
	}
	if err := readBody(br, new(atomic.Int64)); err != nil {
		return err
	}
	count.Add(1)
	return nil
}

// download returns megabytes per second.
func (t target) download(n int, d time.Duration) (float64, error) {
	perSecond, err := t.during(n, d, func(conn *tls.Conn, br *bufio.Reader, count *atomic.Int64) error {
		_, err := fmt.Fprintf(conn, "GET /bulk?n=%d HTTP/1.1\r\nHost: %s\r\n\r\n", downloadSize, t.host)
		if err != nil {
			return err
		}
		return readBody(br, count)
	})
	return perSecond / 1e6, err
}

// upload returns megabytes per second.
func (t target) upload(n int, d time.Duration) (float64, error) {
	part := make([]byte, 64<<10)
	perSecond, err := t.during(n, d, func(conn *tls.Conn, br *bufio.Reader, count *atomic.Int64) error {
		_, err := fmt.Fprintf(conn, "POST /bulk HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", t.host, uploadSize)
		for sent := 0; err == nil && sent < uploadSize; sent += len(part) {
			_, err = conn.Write(part)
			count.Add(int64(len(part)))
		}
		if err != nil {
			return err
		}
		return readBody(br, new(atomic.Int64))
	})
	return perSecond / 1e6, err
}

// readBody reads a response and counts the bytes of its body.
func readBody(br *bufio.Reader, count *atomic.Int64) error {
	left, err := readHead(br)
	for err == nil && left > 0 {
		var n int64
		n, err = io.CopyN(io.Discard, br, min(left, 64<<10))
		count.Add(n)
		left -= n
	}
	return err
}

// readHead reads a response's head and returns the length of its body.
func readHead(br *bufio.Reader) (length int64, err error) {
	status, err := br.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !strings.Contains(string(status), " 200 ") {
		return 0, fmt.Errorf("the answer is %q", status)
	}
	length = -1
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		name, value, ok := strings.Cut(strings.TrimSpace(string(line)), ":")
		if !ok {
			break
		}
		if strings.EqualFold(name, "content-length") {
			if length, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 {
		return 0, errors.New("the answer has no length")
	}
	return length, nil
}
