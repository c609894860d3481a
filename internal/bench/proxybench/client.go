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

// target is a way to the origin: the proxy, the name asked for and who vouches for it.
type target struct {
	proxy, host string
	ca          []byte
	pid         int    // of the proxy
	direct      string // the origin's address, when there is no proxy
}

// session returns the client's side of TLS.
func (t target) session() (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(t.ca) {
		return nil, errors.New("no certificate authority")
	}
	return &tls.Config{RootCAs: roots, ServerName: t.host, NextProtos: []string{"http/1.1"}}, nil
}

// open connects to the origin through the proxy.
func (t target) open(session *tls.Config) (*tls.Conn, *bufio.Reader, error) {
	conn, err := t.tunnel()
	if err != nil {
		return nil, nil, err
	}
	secure := tls.Client(conn, session)
	if err := secure.Handshake(); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return secure, bufio.NewReaderSize(secure, 32<<10), nil
}

// tunnel connects and has CONNECT answered.
func (t target) tunnel() (net.Conn, error) {
	if t.proxy == "" {
		return net.Dial("tcp", t.direct)
	}
	conn, err := net.Dial("tcp", t.proxy)
	if err != nil {
		return nil, err
	}
	if err := t.connect(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (t target) connect(conn net.Conn) error {
	_, err := fmt.Fprintf(conn, "CONNECT %[1]s:443 HTTP/1.1\r\nHost: %[1]s:443\r\nProxy-Authorization: %[2]s\r\n\r\n",
		t.host, authorization)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // the tunnel is the body
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New("CONNECT was answered " + resp.Status)
	}
	return nil
}

// job does one request on a connection and adds what it has done to a count while it does it.
type job func(conn *tls.Conn, br *bufio.Reader, count *atomic.Int64) error

// during runs one worker per connection for a while and returns the sum of what they count, per second. The
// connections are made, and used once, before the clock starts.
func (t target) during(n int, d time.Duration, job job) (float64, error) {
	session, err := t.session()
	if err != nil {
		return 0, err
	}
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
				err = job(conn, br, &total)
			}
			if err != nil {
				failed.Add(1)
			}
		})
	}
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

// requests counts small requests, one after the other on each of n connections.
func requests(n int) work {
	return func(f *field, t target) (float64, error) { return t.during(n, f.slice, t.request) }
}

// newConnections counts connections that are made for one small request each.
func newConnections(n int, resume bool) work {
	return func(f *field, t target) (float64, error) {
		session, err := t.session()
		if err != nil {
			return 0, err
		}
		if resume {
			session.ClientSessionCache = tls.NewLRUClientSessionCache(8)
		}
		var total atomic.Int64
		started := time.Now()
		err = atOnce(n, func(int) error {
			for time.Since(started) < f.slice {
				if err := t.once(session); err != nil {
					return err
				}
				total.Add(1)
			}
			return nil
		})
		return float64(total.Load()) / time.Since(started).Seconds(), err
	}
}

// once makes a connection for one request.
func (t target) once(session *tls.Config) error {
	conn, br, err := t.open(session)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing was written that matters
	return t.request(conn, br, new(atomic.Int64))
}

// atOnce runs n workers and joins their errors.
func atOnce(n int, do func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

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

// download has one large body sent to it and returns megabytes per second.
func download(f *field, t target) (float64, error) {
	return t.bulk(f.bulk, func(conn *tls.Conn, br *bufio.Reader) error {
		if _, err := fmt.Fprintf(conn, "GET /bulk?n=%d HTTP/1.1\r\nHost: %s\r\n\r\n", f.bulk, t.host); err != nil {
			return err
		}
		return readBody(br, new(atomic.Int64))
	})
}

// upload sends one large body and returns megabytes per second.
func upload(f *field, t target) (float64, error) {
	part := make([]byte, 64<<10)
	return t.bulk(f.bulk, func(conn *tls.Conn, br *bufio.Reader) error {
		_, err := fmt.Fprintf(conn, "POST /bulk HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", t.host, f.bulk)
		for left := f.bulk; err == nil && left > 0; left -= int64(len(part)) {
			_, err = conn.Write(part[:min(int64(len(part)), left)])
		}
		if err != nil {
			return err
		}
		return readBody(br, new(atomic.Int64))
	})
}

// bulk times a transfer on a connection that has been used before.
func (t target) bulk(size int64, transfer func(*tls.Conn, *bufio.Reader) error) (float64, error) {
	session, err := t.session()
	if err != nil {
		return 0, err
	}
	conn, br, err := t.open(session)
	if err != nil {
		return 0, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written that matters
	if err := t.request(conn, br, new(atomic.Int64)); err != nil {
		return 0, err
	}
	started := time.Now()
	err = transfer(conn, br)
	return float64(size) / 1e6 / time.Since(started).Seconds(), err
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
