package attack_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait for the proxy. What is right comes at once.
const patience = 30 * time.Second

// session is a connection through the proxy, for bytes of one's own making.
type session struct {
	net.Conn
	br *bufio.Reader
}

// answer is a response, read to its end.
type answer struct {
	*http.Response
	body string
	err  error // the end came too soon
}

// String shows it in a failed test.
func (a answer) String() string {
	return fmt.Sprintf("%s %v %q %v", a.Status, a.Header, a.body, a.err)
}

// reason returns what a refusal of the proxy gives for a reason, and "" for an answer that is none.
func (a answer) reason() string {
	var refusal struct{ Error, Reason string }
	if json.Unmarshal([]byte(a.body), &refusal) != nil || refusal.Error == "" {
		return ""
	}
	return refusal.Reason
}

// proxy returns the proxy as the child is told of it.
func (r *running) proxy(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(r.env["HTTPS_PROXY"])
	if err != nil || u.Host == "" {
		t.Fatalf("the child has the proxy %q", r.env["HTTPS_PROXY"])
	}
	return u
}

// authorization is the field with which the child logs in to the proxy.
func (r *running) authorization(t *testing.T) string {
	t.Helper()
	return "Proxy-Authorization: " + basic(r.proxy(t).User) + "\r\n"
}

func basic(user *url.Userinfo) string {
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

// dial connects to the proxy.
func (r *running) dial(t *testing.T) *session {
	t.Helper()
	conn, err := net.Dial("tcp", r.proxy(t).Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &session{conn, bufio.NewReader(conn)}
}

// connect asks for a tunnel, and returns the answer.
func (r *running) connect(t *testing.T, authority string) (*session, answer) {
	t.Helper()
	s := r.dial(t)
	s.write(t, "CONNECT "+authority+" HTTP/1.1\r\nHost: "+authority+"\r\n"+r.authorization(t)+"\r\n")
	return s, s.answer(t, http.MethodConnect)
}

// inside opens a tunnel and does TLS in it, as a client of the given host.
func (r *running) inside(t *testing.T, authority, sni string, protocols ...string) (*session, error) {
	t.Helper()
	s, a := r.connect(t, authority)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("CONNECT %s: %s", authority, a)
	}
	secure := tls.Client(s.Conn, &tls.Config{RootCAs: r.roots(t), ServerName: sni, NextProtos: protocols})
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	return &session{secure, bufio.NewReader(secure)}, nil
}

// victim opens a decrypted connection to the provider.
func (r *running) victim(t *testing.T) *session {
	t.Helper()
	s, err := r.inside(t, victimHost+":443", victimHost)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *session) write(t *testing.T, bytes string) {
	t.Helper()
	if _, err := io.WriteString(s, bytes); err != nil {
		t.Fatal(err)
	}
}

// answer reads the response to a request of that method.
func (s *session) answer(t *testing.T, method string) answer {
	t.Helper()
	resp, err := http.ReadResponse(s.br, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	a := answer{Response: resp}
	if method == http.MethodConnect && resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
		return a
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	a.body, a.err = string(body), err
	return a
}

// ask sends a request and returns the answer.
func (s *session) ask(t *testing.T, bytes string) answer {
	t.Helper()
	s.write(t, bytes)
	method, _, _ := strings.Cut(bytes, " ")
	return s.answer(t, method)
}

// get is a plain request for a path at the provider, with the given further fields, each with its CRLF.
func get(path, fields string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + victimHost + "\r\n" + fields + "\r\n"
}

// transport is a whole client that uses the proxy.
func (r *running) transport(t *testing.T, http2 bool) *http.Transport {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	tr := &http.Transport{
		Proxy: http.ProxyURL(r.proxy(t)), TLSClientConfig: &tls.Config{RootCAs: r.roots(t)}, Protocols: protocols,
		DisableCompression: true,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// fetch sends a request with a whole client.
func fetch(t *testing.T, tr http.RoundTripper, method, target string, body io.Reader, change func(*http.Request)) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	return answer{resp, string(read), err}
}

// expect fails the test when the answer has none of the statuses.
func (a answer) expect(t *testing.T, what string, statuses ...int) {
	t.Helper()
	for _, s := range statuses {
		if a.StatusCode == s {
			return
		}
	}
	t.Fatalf("%s: want %v, got %s", what, statuses, a)
}
