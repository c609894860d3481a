package attack_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// stolenPassword is a part of 28: the password of an agent of authsome proxy. It is that agent's alone, is over when it is
// revoked, and does not come back with the name.
func (w *world) stolenPassword(t *testing.T) {
	t.Helper()
	robbed, other := w.attached(t, "robbed"), w.attached(t, "other")
	if robbed.proxy(t).User.String() == other.proxy(t).User.String() {
		t.Fatal("two agents have the same password")
	}
	stolen := robbed.authorization(t)
	plain := "GET http://" + evilHost + ":443/ HTTP/1.1\r\nHost: " + evilHost + "\r\n"
	// A connection is the agent's that was the first to log in on it.
	s := other.dial(t)
	s.ask(t, "GET http://"+victimHost+"/ HTTP/1.1\r\nHost: "+victimHost+"\r\n"+other.authorization(t)+"\r\n").
		expect(t, "a request of the other agent", http.StatusForbidden)
	s.ask(t, plain+stolen+"\r\n").expect(t, "another agent on its connection", http.StatusProxyAuthRequired)
	w.home.Must(t, "proxy", "revoke", "robbed")
	again := w.attached(t, "robbed")
	for _, field := range []string{stolen, strings.Replace(stolen, "Basic ", "basic ", 1)} {
		again.dial(t).ask(t, plain+field+"\r\n").expect(t, "a password that was revoked", http.StatusProxyAuthRequired)
	}
	if _, code := again.socks(t, robbed.proxy(t).User, 1, victimHost+":443"); code != socksNoAnswer {
		t.Errorf("a password that was revoked is answered %d by SOCKS", code)
	}
	other.served(t, "the other agent")
	if state := w.home.Must(t, "proxy", "agents", "--json"); strings.Contains(state, passwordOf(again)) {
		t.Error("the list of agents tells a password")
	}
}

// passwordOf returns the password of an agent.
func passwordOf(r *running) string {
	_, after, _ := strings.Cut(r.env["HTTPS_PROXY"], ":")
	_, after, _ = strings.Cut(after, ":")
	password, _, _ := strings.Cut(after, "@")
	return password
}

// revokedAgent is a part of 29: an agent is revoked while it has a tunnel, a stream and a decrypted connection open.
func (w *world) revokedAgent(t *testing.T) {
	t.Helper()
	leaver, stayer := w.attached(t, "leaver"), w.attached(t, "stayer")
	open := func(r *running) map[string]*session {
		all := make(map[string]*session)
		for name, host := range map[string]string{"tunnel": evilHost, "connection": victimHost} {
			s, err := r.inside(t, host+":443", host)
			if err != nil {
				t.Fatal(err)
			}
			s.ask(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n").expect(t, name, http.StatusOK)
			all[name] = s
		}
		all["SOCKS"] = r.insideSOCKS(t, victimHost+":443", victimHost)
		all["SOCKS"].ask(t, get("/", "")).expect(t, "SOCKS", http.StatusOK)
		return all
	}
	gone, kept := open(leaver), open(stayer)
	stream := leaver.victim(t)
	stream.write(t, get(pathEndless, ""))
	if resp, err := http.ReadResponse(stream.br, nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a stream: %v", err)
	}
	gone["stream"] = stream
	w.home.Must(t, "proxy", "revoke", "leaver")
	before := len(w.victim.seen())
	for name, s := range gone {
		_, _ = io.WriteString(s, get("/after", "")) // it may be taken, by nobody
		rest, err := io.ReadAll(s.br)
		if strings.Contains(string(rest), "200 OK") {
			t.Errorf("the %s of a revoked agent goes on: %q, %v", name, rest, err)
		}
		if timeout, ok := err.(interface{ Timeout() bool }); ok && timeout.Timeout() {
			t.Errorf("the %s of a revoked agent stays open", name)
		}
	}
	for _, n := range append(w.victim.seen()[before:], w.evil.seen()...) {
		if n.URI == "/after" {
			t.Errorf("a request of a revoked agent went out: %s", n)
		}
	}
	for name, s := range kept {
		host := victimHost
		if name == "tunnel" {
			host = evilHost
		}
		s.ask(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n").expect(t, "the "+name+" of another agent", http.StatusOK)
	}
}
