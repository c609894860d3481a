package proxy

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	"authsome"
	"authsome/internal/policy"
)

// A client that sends no password is asked about, one that sends a wrong one is not: it has spoken for itself.
func TestClientThatCannotLogInIsRecognized(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		held, sent string
		want       int
	}{
		"holds it":                   {held: password, want: http.StatusOK},
		"holds nothing":              {want: http.StatusProxyAuthRequired},
		"holds another":              {held: "other", want: http.StatusProxyAuthRequired},
		"holds it and sends a lie":   {held: password, sent: "lie", want: http.StatusProxyAuthRequired},
		"holds another and sends it": {held: "other", sent: password, want: http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var api seen
			w.serve(apiHost, &api)
			w.cfg.Recognize = func(client net.Conn) (string, authsome.Secret, bool) {
				if client.LocalAddr().String() != w.address {
					t.Errorf("asked about %s", client.LocalAddr())
				}
				return "authsome", authsome.NewSecret(test.held), test.held != ""
			}
			w.start()
			conn, br := w.raw()
			field := ""
			if test.sent != "" {
				field = "Proxy-Authorization: " + basic("authsome", test.sent) + "\r\n"
			}
			_, _ = fmt.Fprintf(conn, "CONNECT %[1]s:443 HTTP/1.1\r\nHost: %[1]s:443\r\n%[2]s\r\n", apiHost, field)
			resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
			if err != nil || resp.StatusCode != test.want {
				t.Errorf("%v, %v", resp, err)
			}
		})
	}
}

// A client may leave a connection open after a CONNECT that was refused, and wait for its end.
func TestConnectionEndsWithARefusedTunnel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Policy = policy.New(policy.Config{NoUnmatched: "--unmatched"})
	w.start()
	conn, br := w.raw()
	_, _ = fmt.Fprintf(conn, "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\nProxy-Authorization: %s\r\n\r\n",
		basic("authsome", password))
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if err != nil || resp.StatusCode != http.StatusForbidden || !resp.Close {
		t.Errorf("%v, %v", resp, err)
	}
	// After a 407 the client may try again.
	conn, br = w.raw()
	_, _ = fmt.Fprint(conn, "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n")
	resp, err = http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if err != nil || resp.StatusCode != http.StatusProxyAuthRequired || resp.Close {
		t.Errorf("%v, %v", resp, err)
	}
}
