package soak_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// client makes requests of one kind, one after the other.
type client struct {
	name    string
	host    string
	rt      http.RoundTripper
	comes   bool // its connection comes and goes, so that a request may be refused or cut off
	next    int
	done    int // right answers
	refused int
}

// transport is a client's side that goes through the broker.
func (b *broker) transport(t *testing.T, servers *x509.Certificate, http2 bool) *http.Transport {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(servers)
	pem, err := os.ReadFile(b.env["NODE_EXTRA_CA_CERTS"])
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("the run's authority: %v", err)
	}
	proxy, err := url.Parse(b.env["HTTPS_PROXY"])
	if err != nil {
		t.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	return &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}, Protocols: protocols, DisableCompression: true,
	}
}

// errRefused is an answer that says that there is no connection now.
var errRefused = errors.New("refused")

// step makes one request and reports what is wrong with its answer.
func (c *client) step(ctx context.Context) error {
	c.next++
	id := fmt.Sprintf("%s-%d", c.name, c.next)
	err := c.ask(ctx, id, steps[c.next%len(steps)])
	switch {
	case err == nil:
		c.done++
	case ctx.Err() != nil:
		return nil //nolint:nilerr // the time is up, in the middle of a request
	case c.comes && (errors.Is(err, errRefused) || isCut(err)):
		c.refused++
		time.Sleep(20 * time.Millisecond)
	default:
		return fmt.Errorf("%s: %w", id, err)
	}
	return nil
}

// isCut reports whether a response ended too soon, which is what a revocation looks like.
func isCut(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	for _, text := range []string{"reset by peer", "stream error", "broken pipe", "closed"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// ask is a kind of request.
type ask struct {
	path   string
	size   int
	upload bool
}

var steps = []ask{
	{path: "/down", size: 100},
	{path: "/up", size: 2000, upload: true},
	{path: "/down", size: 100_000},
	{path: "/unavailable"},
	{path: "/events", size: 20},
	{path: "/show", size: 50},
	{path: "/up", size: 50_000, upload: true},
	{path: "/reset"},
	{path: "/down", size: 3_000_000},
	{path: "/broken", size: 10_000},
	{path: "/slow"},
	{path: "/torn", size: 10_000},
	{path: "/socket", size: 10},
}

func (c *client) ask(ctx context.Context, id string, a ask) error {
	if a.path == "/socket" {
		return c.socket(ctx, id, a.size)
	}
	var body io.Reader
	method := http.MethodGet
	if a.upload {
		method, body = http.MethodPost, bytes.NewReader(content(id, a.size))
	}
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("https://%s%s?n=%d", c.host, a.path, a.size), body)
	if err != nil {
		return err
	}
	req.Header.Set("X-Id", id)
	resp, err := c.rt.RoundTrip(req)
	if err != nil {
		if a.path == "/reset" {
			return nil // a tunnel passes it on as it is
		}
		return fmt.Errorf("%s: %w", a.path, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if resp.StatusCode == http.StatusBadGateway && strings.Contains(string(got), "authsome login") {
		return errRefused
	}
	return a.check(id, resp, got, err)
}

// check compares an answer with what was asked for.
func (a ask) check(id string, resp *http.Response, got []byte, err error) error {
	status, want := http.StatusOK, []byte(id)
	switch a.path {
	case "/down":
		want = content(id, a.size)
	case "/events":
		want = bytes.Repeat([]byte("data: "+id+"\n\n"), a.size)
	case "/show":
		if status == resp.StatusCode && err == nil {
			return a.checkShown(id, resp, string(got))
		}
	case "/unavailable":
		status = http.StatusServiceUnavailable
	case "/reset":
		if resp.StatusCode != http.StatusBadGateway {
			return fmt.Errorf("a connection that was reset gave %s", resp.Status)
		}
		return nil
	case "/broken", "/torn":
		if err == nil || resp.Header.Get("X-Id") != id || !bytes.HasPrefix(content(id, a.size), got) {
			return fmt.Errorf("a broken answer gave %s and %d bytes, told as broken: %t", resp.Status, len(got), err != nil)
		}
		return nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s broke off after %d bytes: %w", a.path, len(got), err)
	case resp.StatusCode != status:
		return fmt.Errorf("%s gave %s: %.200s", a.path, resp.Status, got)
	case resp.Header.Get("X-Id") != id || !bytes.Equal(got, want):
		return fmt.Errorf("%s gave the answer of another: X-Id %q, %d bytes", a.path, resp.Header.Get("X-Id"), len(got))
	}
	return nil
}

// checkShown looks at an answer that shows the credential: of that there may be nothing, and of the rest everything.
func (a ask) checkShown(id string, resp *http.Response, got string) error {
	for line := range strings.Lines(got) {
		before, rest, _ := strings.Cut(line, " <")
		key, _, ended := strings.Cut(rest, ">")
		if before != id || !ended || len(key) > 0 && strings.Trim(key, key[:1]) != "" {
			return fmt.Errorf("in line %d of %d, %d bytes of the key were shown, its beginning: %t; or it is the answer to another",
				strings.Count(got[:strings.Index(got, line)], "\n"), a.size, len(strings.Trim(key, "*#~!")), strings.HasPrefix(key, keyPrefix))
		}
	}
	if want := resp.Header.Get("X-Length"); want != fmt.Sprint(len(got)) || strings.Count(got, "\n") != a.size {
		return fmt.Errorf("%d bytes arrived of an answer that shows the credential, want %s", len(got), want)
	}
	return nil
}

// socket opens a WebSocket and sends messages to and fro.
func (c *client) socket(ctx context.Context, id string, n int) error {
	if t, ok := c.rt.(*http.Transport); ok && t.Protocols.HTTP2() {
		return nil // it takes HTTP/1.1
	}
	conn, resp, err := websocket.Dial(ctx, "wss://"+c.host+"/socket", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: c.rt}, HTTPHeader: http.Header{"X-Id": {id}},
	})
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusBadGateway {
			return errRefused
		}
		return fmt.Errorf("open a WebSocket: %w", err)
	}
	defer conn.CloseNow()
	for i := range n {
		message := content(fmt.Sprintf("%s-%d", id, i), 100*(i+1))
		if err := conn.Write(ctx, websocket.MessageBinary, message); err != nil {
			return fmt.Errorf("WebSocket: %w", err)
		}
		_, got, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("WebSocket: %w", err)
		}
		if !bytes.Equal(got, message) {
			return fmt.Errorf("the WebSocket of %s echoed %.60q", id, got)
		}
	}
	return conn.Close(websocket.StatusNormalClosure, "")
}
