package proxy

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"authsome"
	"authsome/internal/policy"
)

func TestClientsWithoutThePasswordAreRefused(t *testing.T) { // attack 28
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.start()
	for name, field := range map[string]string{
		"none": "", "wrong": basic("authsome", "x"), "other user": basic("x", password), "bearer": "Bearer " + password,
		"prefix": basic("authsome", password[:3]),
	} {
		for _, start := range []string{
			"CONNECT " + apiHost + ":443 HTTP/1.1\r\nHost: " + apiHost + ":443\r\n",
			"GET http://" + apiHost + "/ HTTP/1.1\r\nHost: " + apiHost + "\r\n",
		} {
			conn, br := w.raw()
			if field != "" {
				start += "Proxy-Authorization: " + field + "\r\n"
			}
			_, _ = io.WriteString(conn, start+"\r\n")
			resp, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != 407 || !strings.HasPrefix(resp.Header.Get("Proxy-Authenticate"), "Basic ") {
				t.Errorf("%s: got %s", name, resp.Status)
			}
			_ = resp.Body.Close()
		}
	}
}

// exchangeRaw sends bytes inside a decrypted connection and returns the answer's status.
func (w *world) exchangeRaw(bytes string) int {
	w.t.Helper()
	conn, br := w.inside(apiHost)
	defer conn.Close()
	if _, err := io.WriteString(conn, bytes); err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		w.t.Fatalf("%q: %v", bytes, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func TestHostMustBeTheConnectTarget(t *testing.T) { // attack 1
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.start()
	for head, want := range map[string]int{
		"GET / HTTP/1.1\r\nHost: " + apiHost:                                                          200,
		"GET / HTTP/1.1\r\nHost: API.Example.test.:443":                                               200,
		"GET https://" + apiHost + "/ HTTP/1.1\r\nHost: other.test":                                   200, // RFC 9112 3.2.2: Host is ignored
		"GET / HTTP/1.1\r\nHost: evil.test":                                                           421,
		"GET / HTTP/1.1\r\nHost: " + apiHost + ":8443":                                                421,
		"GET / HTTP/1.1\r\nHost: x@" + apiHost:                                                        421,
		"GET / HTTP/1.1\r\nHost: " + apiHost + "/x":                                                   421,
		"GET https://evil.test/ HTTP/1.1\r\nHost: " + apiHost:                                         421,
		"GET http://" + apiHost + "/ HTTP/1.1\r\nHost: " + apiHost:                                    421,
		"GET https://u:p@" + apiHost + "/ HTTP/1.1\r\nHost: " + apiHost:                               421,
		"GET / HTTP/1.1\r\nHost: " + apiHost + "\r\nHost: evil.test":                                  400,
		"GET / HTTP/1.1\r\nX: y":                                                                      400,
		"TRACE / HTTP/1.1\r\nHost: " + apiHost:                                                        405, // attack 21
		"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443":                                       421,
		"CONNECT " + apiHost + ":443 HTTP/1.1\r\nHost: " + apiHost + ":443":                           405, // attack 17
		"GET / HTTP/1.1\r\nHost: " + apiHost + "\r\nX: a\r\n b":                                       400, // attack 13
		"GET / HTTP/1.1\r\nHost: " + apiHost + "\nX: a":                                               400,
		"GET / HTTP/1.1\r\nHost: " + apiHost + "\r\nHost : a":                                         400,
		"POST / HTTP/1.1\r\nHost: " + apiHost + "\r\nContent-Length: 0\r\nContent-Length: 0":          400,
		"POST / HTTP/1.1\r\nHost: " + apiHost + "\r\nContent-Length: 5\r\nTransfer-Encoding: chunked": 400,
		"POST / HTTP/1.1\r\nHost: " + apiHost + "\r\nTransfer-Encoding: xchunked":                     400,
		"GET / HTTP/2.0\r\nHost: " + apiHost:                                                          505,
	} {
		before := len(api.all())
		got := w.exchangeRaw(head + "\r\n\r\n")
		if got != want {
			t.Errorf("%q: got %d, want %d", head, got, want)
		}
		if sent := len(api.all()) - before; sent != 0 && want != 200 {
			t.Errorf("%q was forwarded", head)
		}
	}
	for _, r := range api.all() {
		if r.Host != apiHost {
			t.Errorf("the API saw the host %q", r.Host)
		}
	}
}

func TestHTTP2StreamsAreCheckedOneByOne(t *testing.T) { // attack 17
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.start()
	tr := w.transport(true)
	for host, want := range map[string]int{apiHost: 200, "evil.test": 421, apiHost + ":443": 200} {
		req := request(t, "GET", "https://"+apiHost+"/", nil)
		req.Host = host
		if resp, body := do(t, tr, req); resp.StatusCode != want || resp.ProtoMajor != 2 {
			t.Errorf("%s: got %s %d %s", host, resp.Proto, resp.StatusCode, body)
		}
	}
	for _, r := range api.all() {
		if r.ProtoMajor != 2 || r.Host != apiHost {
			t.Errorf("the API saw %s to %s", r.Proto, r.Host)
		}
	}
}

func TestServerNameMustBeTheConnectTarget(t *testing.T) { // attack 2
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, &seen{})
	w.start()
	conn, br := w.raw()
	_, _ = fmt.Fprintf(conn, "CONNECT %[1]s:443 HTTP/1.1\r\nHost: %[1]s:443\r\nProxy-Authorization: %[2]s\r\n\r\n",
		apiHost, basic("authsome", password))
	if resp, err := http.ReadResponse(br, &http.Request{Method: "CONNECT"}); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	secure := tls.Client(conn, &tls.Config{ServerName: "evil.test", InsecureSkipVerify: true}) //nolint:gosec // on purpose
	if err := secure.Handshake(); err == nil {
		t.Error("the handshake succeeded")
	}
}

func TestPathsThatCanBeReadTwoWaysAreRefused(t *testing.T) { // attack 11
	t.Parallel()
	w := newWorld(t)
	w.cfg.Routes[0].Hosts = patterns(t, apiHost+"/v1", apiHost+"/public/v2")
	w.cfg.Routes[0].Excluded = patterns(t, apiHost+"/v1/token")
	var api seen
	w.serve(apiHost, &api)
	w.start()
	for path, want := range map[string]int{
		"/v1/../x":               400,
		"/v1/%2e%2e/x":           400,
		"/v1/..%2fx":             400,
		"/v1/%252e%252e/x":       400,
		"/v1/%252525252561":      400, // nobody decodes so often, nor would one know where to
		"/x/..;/v1/a":            400,
		"/x\\..\\v1":             400,
		"/v1/./token":            400,
		"//v1/a":                 400,
		"/%761/a":                400,
		"/v1%2fa":                400,
		"/v1;x/a":                400,
		"/v1/group%2Fproject":    200,
		"/v1/https%3A%2F%2Fx%2F": 200,
		"/v1/a;b=c/d":            200,
		"/v1/...":                200,
		"/v1/.well-known":        200,
		"/other//x":              200,
		"/v1":                    200,
	} {
		before := len(api.all())
		if got := w.exchangeRaw("GET " + path + " HTTP/1.1\r\nHost: " + apiHost + "\r\n\r\n"); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		} else if want == 200 && api.all()[before].RequestURI != path {
			t.Errorf("%s was forwarded as %s", path, api.all()[before].RequestURI)
		}
	}
	// However an excluded endpoint is spelt, the credential does not reach it.
	for _, path := range []string{"/v1//token", "/v1/%74oken", "/v1/token;x", "/v1/token/", "/v1\\token", "/v1/TOKEN"} {
		before := len(api.all())
		w.exchangeRaw("GET " + path + " HTTP/1.1\r\nHost: " + apiHost + "\r\n\r\n")
		for _, r := range api.all()[before:] {
			if r.Header.Get("Authorization") != "" {
				t.Errorf("%s: the credential was sent", path)
			}
		}
	}
}

func TestCleartextNeverCarriesACredential(t *testing.T) { // attack 4
	t.Parallel()
	w := newWorld(t)
	plain := http.Server{}
	var api seen
	plain.Handler = &api
	ln := listen(t)
	go func() { _ = plain.Serve(ln) }()
	t.Cleanup(func() { _ = plain.Close() })
	w.cfg.Resolve[apiHost+":80"] = ln.Addr().String()
	w.cfg.Resolve["other.test:80"] = ln.Addr().String()
	w.start()
	tr := w.transport(false)
	resp, body := do(t, tr, request(t, "GET", "http://"+apiHost+"/", nil))
	if got := refusalOf(t, resp, body); resp.StatusCode != 403 || got["reason"] != "cleartext" {
		t.Errorf("matched host: got %d %s", resp.StatusCode, body)
	}
	if resp, body = do(t, tr, request(t, "GET", "http://other.test/x", nil)); resp.StatusCode != 200 || body != "ok" {
		t.Errorf("other host: got %d %s", resp.StatusCode, body)
	}
	if got := api.all()[0]; got.Header.Get("Authorization") != "" || got.Header.Get("Proxy-Authorization") != "" {
		t.Errorf("the other host saw %v", got.Header)
	}
	req := request(t, "GET", "http://other.test/x", nil)
	req.Header.Set("Authorization", authsome.Placeholder)
	if resp, _ = do(t, tr, req); resp.StatusCode != 403 {
		t.Errorf("the placeholder went out: %d", resp.StatusCode)
	}
	if n := w.source.count(); n != 0 {
		t.Errorf("the source was called %d times", n)
	}
}

func TestOtherPortIsAnotherPlace(t *testing.T) { // attack 5
	t.Parallel()
	w := newWorld(t)
	ln := w.serve(apiHost, &seen{})
	w.cfg.Resolve[apiHost+":8443"] = ln.Addr().String()
	w.cfg.Policy = policy.New(policy.Config{NoUnmatched: "--unmatched"})
	w.start()
	_, err := w.transport(false).RoundTrip(request(t, "GET", "https://"+apiHost+":8443/", nil))
	if err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("got %v, want the proxy to refuse", err)
	}
}

func TestForbiddenAddressesAreNotConnectedTo(t *testing.T) { // attacks 6, 7 and 8
	t.Parallel()
	w := newWorld(t)
	w.cfg.Routes[0].Hosts = append(w.cfg.Routes[0].Hosts, patterns(t, "169.254.169.254")...)
	w.source.answer = sourceAnswer(t, "169.254.169.254")
	w.start()
	for target, want := range map[string]int{
		"169.254.169.254:80": 403, "[fe80::1]:80": 403, "[fd00:ec2::254]:80": 403, "0.0.0.0:80": 403, "[::]:80": 403,
		"[::ffff:169.254.169.254]:80": 403, "[64:ff9b::a9fe:a9fe]:80": 403, "[2002:a9fe:a9fe::]:80": 403,
		"[::a9fe:a9fe]:80": 403,
		"2852039166:80":    400, "0xa9.254.169.254:80": 400, "0251.254.169.254:80": 400, "169.254.43518:80": 400,
		"[fe80::1%25eth0]:80": 400, "a..b:80": 400, "host:0": 400, "host:65536": 400, "host:": 400, "host": 400,
		"a_b@c:80": 400, "ho\x80st:80": 400, w.address: 403, // its own listener
	} {
		conn, br := w.raw()
		_, _ = fmt.Fprintf(conn, "CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\nProxy-Authorization: %[2]s\r\n\r\n",
			target, basic("authsome", password))
		resp, err := http.ReadResponse(br, &http.Request{Method: "CONNECT"})
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if resp.StatusCode != want {
			t.Errorf("%s: got %s, want %d", target, resp.Status, want)
		}
		_ = resp.Body.Close()
	}
	// A matched host at such an address is no exception.
	conn, br := w.inside("169.254.169.254")
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n")
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if got := refusalOf(t, resp, string(body)); resp.StatusCode != 403 || got["reason"] != "forbidden_address" {
		t.Errorf("a matched metadata address: got %s %s", resp.Status, body)
	}
}

func TestAddressIsCheckedWhenItIsDialled(t *testing.T) { // attack 6
	t.Parallel()
	own := netip.MustParseAddrPort("127.0.0.1:9")
	d, err := newDialer(Config{Resolve: map[string]string{"mine.test:1": "127.0.0.1:9", "meta.test:1": "169.254.0.1:1"}},
		func(a netip.AddrPort) bool { return a == own }, &tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.DialContext(t.Context(), "tcp", "mine.test:1"); !errors.Is(err, errForbiddenAddress) {
		t.Errorf("the own listener behind Resolve: %v", err)
	}
	if err := d.guarded.Control("tcp4", "169.254.0.1:1", nil); err == nil {
		t.Error("the guard lets a link-local address pass")
	}
	if err := d.trusted.Control("tcp4", "169.254.0.1:1", nil); err != nil {
		t.Errorf("an address that the user wrote: %v", err)
	}
}

func TestDeniedHostsAreRefusedAndRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Policy = policy.New(policy.Config{NoUnmatched: "--unmatched"})
	w.start()
	conn, br := w.raw()
	_, _ = fmt.Fprintf(conn, "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\nProxy-Authorization: %s\r\n\r\n",
		basic("authsome", password))
	resp, err := http.ReadResponse(br, &http.Request{Method: "GET"})
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if got := refusalOf(t, resp, string(body)); resp.StatusCode != 403 || got["reason"] != "unmatched" {
		t.Errorf("got %s %s", resp.Status, body)
	}
	if e := w.recorder.all(); len(e) != 1 || e[0].Name != "deny" || e[0].Detail["host"] != "other.test:443" {
		t.Errorf("recorded %+v", e)
	}
}

func TestUpstreamCertificateIsVerified(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := newCA(t)
	stranger := tls.NewListener(listen(t), other.ServerConfig("stranger.test"))
	server := &http.Server{Handler: &seen{}} //nolint:gosec // a test
	go func() { _ = server.Serve(stranger) }()
	t.Cleanup(func() { _ = server.Close() })
	w.cfg.Routes[0].Hosts = append(w.cfg.Routes[0].Hosts, patterns(t, "stranger.test")...)
	w.cfg.Resolve["stranger.test:443"] = stranger.Addr().String()
	w.source.answer = sourceAnswer(t, apiHost, "stranger.test")
	w.start()
	resp, body := do(t, w.transport(false), request(t, "GET", "https://stranger.test/", nil))
	if got := refusalOf(t, resp, body); resp.StatusCode != 502 || got["reason"] != "certificate not trusted" {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if e := w.recorder.all(); len(e) != 1 || !e[0].Failed {
		t.Errorf("recorded %+v", e)
	}
}

func FuzzAuthority(f *testing.F) {
	for _, s := range []string{"a.b:443", "[::1]:80", "A.B.", "1.2.3", "0x7f.1:1", "a@b", "[::1", "é:1", "127.0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseAuthority(s, "443")
		if err != nil {
			return
		}
		again, err := parseAuthority(a.String(), "")
		if err != nil || again != a {
			t.Errorf("%q is %v, which is %v, %v", s, a, again, err)
		}
		if host, port, err := net.SplitHostPort(a.String()); err != nil || host != a.host || port != a.port {
			t.Errorf("%q: %s splits into %q and %q, %v", s, a, host, port, err)
		}
		if strings.ContainsAny(a.String(), "/@ %?#\\\r\n") {
			t.Errorf("%q gives %s", s, a)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"/v1/a", "/v1/../x", "/%2e%2e/v1", "//v1", "/v1%2f..", "/x;/..;a/v1", "/V1\\.."} {
		f.Add(s)
	}
	w := newWorldFor(f)
	w.cfg.Routes[0].Hosts = patterns(f, apiHost+"/v1")
	p, err := New(w.cfg)
	if err != nil {
		f.Fatal(err)
	}
	d := p.destination(authority{apiHost, "443"})
	f.Fuzz(func(t *testing.T, path string) {
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")))
		if err != nil || req.URL.Host != "" {
			return
		}
		req.URL.Scheme, req.URL.Host = "https", apiHost
		v := d.judge(req.URL)
		if v.slot == nil || v.ambiguous {
			return
		}
		if plain, sure := normalise(req.URL.EscapedPath()); !sure || plain != "/v1" && !strings.HasPrefix(plain, "/v1/") {
			t.Errorf("%q gets the credential, and leads to %q", path, plain)
		}
	})
}
