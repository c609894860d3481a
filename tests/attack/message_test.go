package attack_test

import (
	"net/http"
	"strings"
	"testing"
)

// 11: paths that the proxy and the server read differently.
func pathTricks(t *testing.T) {
	w := newWorld(t, setup{hostURL: "https://" + victimHost + "/v1/public"})
	r := w.run(t)
	for _, path := range []string{
		"/v1/public/../admin", "/v1/public/%2e%2e/admin", "/v1/public/..%2fadmin", "/v1/public/.%2e%5cadmin",
		"/v1/public/..;/admin", "/v1/public/..;x=y/admin", "/v1/public/%252e%252e/admin", "/v1/public/..\\admin",
		"/v1/public%2f..%2f..%2fadmin", "/x/..//v1/public/../../admin", "/v1/public/./../admin",
		"/v1/secret/../public", "/v1/admin/%2e%2e/public", "//v1/public/../admin",
	} {
		a := r.victim(t).ask(t, get(path, ""))
		a.expect(t, path, http.StatusBadRequest)
	}
	for _, n := range w.victim.seen() {
		t.Errorf("a path reached the provider: %s", n)
	}
	// What is outside the prefix gets nothing, and what is inside arrives as it was written.
	for path, authorized := range map[string]bool{"/v1/publicity": false, "/admin": false, "/V1/PUBLIC/x": false, "/v1/public/a%20b": true} {
		r.victim(t).ask(t, get(path, ""))
		all := w.victim.seen()
		if n := all[len(all)-1]; n.URI != path || (n.Header.Get("Authorization") == w.bearer()) != authorized {
			t.Errorf("%s arrived as %s", path, n)
		}
	}
}

// 12: a request that is allowed by its method, and asks to be taken for another.
func methodOverride(t *testing.T) {
	w := newWorld(t, setup{})
	for _, flags := range [][]string{{"--deny", "DELETE " + victimHost + "/**"}, {"--read-only"}} {
		r := w.run(t, flags...)
		before := len(w.victim.seen())
		for _, bytes := range []string{
			get("/x", "X-HTTP-Method-Override: DELETE\r\n"), get("/x", "x-http-method: delete\r\n"),
			get("/x", "X-Method-Override: DELETE\r\n"), get("/x", "X_HTTP_Method_Override: DELETE\r\n"),
			get("/x", "X-HTTP-Method-Override: GET, DELETE\r\n"),
			get("/x", "X-HTTP-Method-Override: GET\r\nX-HTTP-Method-Override: DELETE\r\n"),
			get("/x?_method=DELETE", ""), get("/x?a=b&%5fmethod=delete", ""),
			"delete /x HTTP/1.1\r\nHost: " + victimHost + "\r\n\r\n", "DELETE /x HTTP/1.1\r\nHost: " + victimHost + "\r\n\r\n",
		} {
			a := r.victim(t).ask(t, bytes)
			a.expect(t, flags[0]+" "+bytes, http.StatusForbidden)
		}
		if n := len(w.victim.seen()); n != before {
			t.Errorf("%s: %d requests went out", flags[0], n-before)
		}
		r.victim(t).ask(t, get("/x", "X-HTTP-Method-Override: GET\r\n")).expect(t, "what is allowed both ways", http.StatusOK)
	}
}

// 13: requests that end elsewhere for the next reader.
func smuggling(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: " + victimHost + "\r\n\r\n"
	post := "POST / HTTP/1.1\r\nHost: " + victimHost + "\r\n"
	for name, bytes := range map[string]string{
		"both framings":         post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"two lengths":           post + "Content-Length: 0\r\nContent-Length: 80\r\n\r\n" + smuggled,
		"a list of lengths":     post + "Content-Length: 0, 80\r\n\r\n" + smuggled,
		"a signed length":       post + "Content-Length: +0\r\n\r\n" + smuggled,
		"two codings":           post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled,
		"another coding":        post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"coding with a control": post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"coding in HTTP/1.0":    "POST / HTTP/1.0\r\nHost: " + victimHost + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"space before colon":    post + "Content-Length : 80\r\n\r\n" + smuggled,
		"bare line feed":        post + "X: y\nContent-Length: 80\r\n\r\n" + smuggled,
		"bare line feeds":       strings.ReplaceAll(post, "\r\n", "\n") + "\n" + smuggled,
		"bare carriage return":  post + "X: y\rContent-Length: 80\r\n\r\n" + smuggled,
		"folded line":           post + "X: y\r\n Content-Length: 80\r\n\r\n" + smuggled,
		"NUL":                   post + "X: y\x00z\r\n\r\n" + smuggled,
	} {
		s := r.victim(t)
		a := s.ask(t, bytes)
		a.expect(t, name, http.StatusBadRequest, http.StatusNotImplemented)
		if _, err := s.br.ReadByte(); err == nil {
			t.Fatalf("%s: the connection was used on", name)
		}
	}
	w.victim.untouched(t)
}

// 14: the client has the credential taken away as a field of the connection.
func connectionField(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	r.victim(t).ask(t, get("/", "Connection: authorization, x-internal\r\nConnection: Authorization\r\nX-Internal: 1\r\n"+
		"Keep-Alive: 5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\n")).expect(t, "GET", http.StatusOK)
	n := w.victim.got(t)
	if n.Header.Get("Authorization") != w.bearer() {
		t.Errorf("the credential is gone: %s", n)
	}
	for _, name := range []string{"X-Internal", "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization"} {
		if n.Header.Get(name) != "" {
			t.Errorf("%s was passed on: %s", name, n)
		}
	}
}

// 15: the client sends a credential of its own beside the one that is injected.
func ownCredential(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	own := "Authorization: Bearer mine\r\nauthorization: Basic bWluZQ==\r\nAUTHORIZATION: mine\r\nX-Api-Key: mine\r\n" +
		"x_api_key: mine\r\n"
	r.victim(t).ask(t, get("/", own)).expect(t, "GET", http.StatusOK)
	r.victim(t).ask(t, "POST / HTTP/1.1\r\nHost: "+victimHost+"\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization, X-Sum\r\n"+own+
		"\r\n2\r\nhi\r\n0\r\nAuthorization: Bearer mine\r\nX-Sum: 1\r\n\r\n").expect(t, "POST", http.StatusOK)
	all := w.victim.seen()
	if len(all) != 2 || all[1].Trailer.Get("X-Sum") != "1" {
		t.Fatalf("got %v", all)
	}
	for _, n := range all {
		if len(n.Header["Authorization"]) != 1 || n.Header.Get("Authorization") != w.bearer() ||
			strings.Contains(n.String(), "mine") || strings.Contains(n.String(), "bWluZQ") {
			t.Errorf("the provider got %s", n)
		}
	}
}

// 16: a secret that is more than one line of a header.
func controlCharacters(t *testing.T) {
	w := newWorld(t, setup{})
	for _, c := range []string{"\r\nX-Injected: 1", "\nX: 1", "\r", "\x00", "\x7f"} {
		r, err := w.home.Run(t.Context(), "sk-with-"+c+"-inside", "login", "victim", "--with-token", "--force")
		if err != nil {
			t.Fatal(err)
		}
		if r.Code == 0 {
			t.Fatalf("a key with %q was stored", c)
		}
		if strings.Contains(r.String(), "sk-with-") {
			t.Errorf("the refusal shows the key: %s", r)
		}
	}
	run := w.run(t)
	run.victim(t).ask(t, get("/", "")).expect(t, "with the key from before", http.StatusOK)
	if n := w.victim.got(t); n.Header.Get("Authorization") != w.bearer() {
		t.Errorf("the provider got %s", n)
	}
}

// 18: an upgrade that is none, behind which frames become requests.
func upgradeSmuggling(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: " + victimHost + "\r\n\r\n"
	handshake := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for name, response := range map[string]string{
		"a wrong proof":    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
		"no proof":         "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"another protocol": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	} {
		w := newWorld(t, setup{victim: func(rw http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Write([]byte(response))
			_, _ = conn.Read(make([]byte, 1))
		}})
		s := w.run(t).victim(t)
		s.ask(t, get("/", handshake)).expect(t, name, http.StatusBadGateway)
		_, _ = s.Write([]byte(smuggled))
		if n := w.victim.got(t); n.URI != "/" {
			t.Errorf("%s: the provider got %s", name, n)
		}
	}
	// The provider refuses to switch: what follows is a request like any other, seen and authorised by itself.
	w := newWorld(t, setup{})
	r := w.run(t)
	s := r.victim(t)
	s.ask(t, get("/", handshake)).expect(t, "an upgrade that is refused", http.StatusOK)
	s.ask(t, "GET /smuggled HTTP/1.1\r\nHost: "+evilHost+"\r\n\r\n").expect(t, "the next request", http.StatusMisdirectedRequest)
	// HTTP/2 without TLS is not asked for in the client's name.
	a := r.victim(t).ask(t, get("/h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"))
	a.expect(t, "h2c", http.StatusOK)
	for _, n := range w.victim.seen() {
		if n.URI == "/h2c" && n.Header.Get("Upgrade") != "" {
			t.Errorf("the provider got %s", n)
		}
	}
}

// 19: the response leads the client to HTTP/3, past the proxy.
func http3Escape(t *testing.T) {
	w := newWorld(t, setup{victim: func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Alt-Svc", `h3=":443"; ma=86400`)
		rw.WriteHeader(http.StatusOK)
	}})
	r := w.run(t)
	for _, http2 := range []bool{false, true} {
		a := fetch(t, r.transport(t, http2), "GET", "https://"+victimHost+"/", nil, nil)
		if v := a.Header.Get("Alt-Svc"); v != "" {
			t.Errorf("the client was told of %s", v)
		}
	}
	r.end()
	w.udpEscape(t)
}
