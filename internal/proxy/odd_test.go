package proxy

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestMetadataAddressesOfIPv6AreForbidden(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"fd00:ec2::254": true, "fd00:ec2::23": true, "fd00:ec2::253": true, "fd20:ce::254": true,
		"::ffff:0:169.254.169.254": true, "::ffff:0:0.0.0.0": true,
		"fd00:ec3::254": false, "fd20:ce::255": false, "::ffff:0:192.0.2.1": false, "2001:db8::1": false, "fd12:3456::1": false,
	} {
		if got := isForbidden(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
}

// Behind an upgrade to TLS (RFC 2817) or another HTTP would be the answer to a request that had the credential.
func TestUpgradesThatHideTheAnswerAreNotOffered(t *testing.T) {
	t.Parallel()
	w := guardedWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Saw", r.Header.Get("Upgrade")+r.Header.Get("Connection")+r.Header.Get("Http2-Settings"))
	})
	w.start()
	for _, protocols := range [][]string{
		{"TLS/1.0"}, {"tls/1.2"}, {"HTTP/2.0"}, {"h2c"}, {"H2"}, {"websocket, TLS/1.0"}, {"websocket", "TLS/1.0"}, {" h2c"},
	} {
		req := request(t, "GET", "https://"+apiHost+"/", nil)
		req.Header["Connection"], req.Header["Upgrade"] = []string{"Upgrade, HTTP2-Settings"}, protocols
		req.Header.Set("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")
		resp, _ := do(t, w.transport(false), req)
		if saw := resp.Header.Get("X-Saw"); saw != "" || resp.StatusCode != http.StatusOK {
			t.Errorf("%q: the API was offered %q, and answered %d", protocols, saw, resp.StatusCode)
		}
	}
}

func TestCookiesOfEveryKindAreTakenOut(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header()["set-cookie"] = []string{"a=1"}
			rw.Header()["SET-COOKIE2"] = []string{"b=1"}
			rw.Header().Set(http.TrailerPrefix+"Set-Cookie2", "c=1")
		})
		w.start()
		resp, _ := do(t, w.transport(http2), request(t, "GET", "https://"+apiHost+"/", nil))
		for _, h := range []http.Header{resp.Header, resp.Trailer} {
			for name := range h {
				if strings.HasPrefix(strings.ToLower(name), "set-cookie") {
					t.Errorf("%s: %q", name, h[name])
				}
			}
		}
	})
}

// Alt-Svc (RFC 7838) would lead the client past the proxy; HTTP/2 knows of no field that may not trail.
func TestNoTrailerLeadsPastTheProxy(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.serve(apiHost, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Trailer", "Alt-Svc, X-Sum")
			_, _ = io.WriteString(rw, "ok")
			rw.Header().Set("Alt-Svc", `h3=":443"`)
			rw.Header().Set("X-Sum", "1")
		}))
		w.start()
		resp, _ := do(t, w.transport(http2), request(t, "GET", "https://"+apiHost+"/", nil))
		if resp.Trailer.Get("X-Sum") != "1" || resp.Trailer["Alt-Svc"] != nil || resp.Header["Alt-Svc"] != nil {
			t.Errorf("the header is %v, the trailers are %v", resp.Header, resp.Trailer)
		}
	})
}

// Bytes that are no text are dots to some (C0 AE), and nothing to others: where paths are ruled they are in doubt.
func TestPathsThatAreNoTextAreAmbiguous(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.cfg.Routes[0].Hosts = patterns(t, apiHost+"/api")
		w.serve(apiHost, &seen{})
		w.start()
		for path, want := range map[string]int{
			"/api/%c0%ae%c0%ae/other": 400, "/api/%c0%af..%c0%af": 400, "/%c1%9c../api": 400, "/api/%C3%A9t%C3%A9": 200, "/api/%252e%252e/x": 400,
		} {
			if resp, body := do(t, w.transport(http2), request(t, "GET", "https://"+apiHost+path, nil)); resp.StatusCode != want {
				t.Errorf("%s: %d %s", path, resp.StatusCode, body)
			}
		}
	})
}

// An IPv4 address that is written as one of IPv6 (RFC 4291 section 2.5.5.2) leads to the same place, and no rule is about one alone.
func TestMappedAddressIsTheSamePlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Policy = policyOf(t, []string{"192.0.2.7"}, nil)
	w.start()
	for _, target := range []string{"192.0.2.7:443", "[::ffff:192.0.2.7]:443", "[::FFFF:c000:207]:8443", "[0:0:0:0:0:ffff:192.0.2.7]:22"} {
		conn, br := w.raw()
		_, _ = io.WriteString(conn, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\nProxy-Authorization: "+basic("authsome", password)+"\r\n\r\n")
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if r := refusalOf(t, resp, string(body)); resp.StatusCode != http.StatusForbidden || r["reason"] != "rule" {
			t.Errorf("%s: %d %s", target, resp.StatusCode, body)
		}
	}
}
