package attack_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// 1: the request inside a connection is for another host than the connection.
func hostDiffers(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	for _, fields := range []string{
		"Host: " + evilHost + "\r\n",
		"Host: " + victimHost + "@" + evilHost + "\r\n",
		"Host: " + victimHost + ":8443\r\n",
		"Host: " + victimHost + "\r\nHost: " + evilHost + "\r\n",
		"",
	} {
		a := r.victim(t).ask(t, "GET / HTTP/1.1\r\n"+fields+"\r\n")
		a.expect(t, fields, http.StatusMisdirectedRequest, http.StatusBadRequest)
	}
	for _, target := range []string{"https://" + evilHost + "/", "http://" + victimHost + "/", "//" + evilHost + "/"} {
		a := r.victim(t).ask(t, "GET "+target+" HTTP/1.1\r\nHost: "+victimHost+"\r\n\r\n")
		if !strings.HasPrefix(target, "//") { // that is a path
			a.expect(t, target, http.StatusMisdirectedRequest, http.StatusBadRequest)
			w.victim.untouched(t)
		}
	}
	a := r.insideSOCKS(t, victimHost+":443", victimHost).ask(t, "GET / HTTP/1.1\r\nHost: "+evilHost+"\r\n\r\n")
	a.expect(t, "by SOCKS", http.StatusMisdirectedRequest)
	w.evil.untouched(t)
}

// 2: the handshake names another host than the connection.
func sniDiffers(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	for _, sni := range []string{evilHost, "", victimHost + ".evil.test"} {
		s, a := r.connect(t, victimHost+":443")
		a.expect(t, "CONNECT", http.StatusOK)
		if minted := handshakeAs(s, sni); minted != "" {
			t.Fatalf("a client that names %q was shown a certificate: %s", sni, minted)
		}
	}
	w.victim.untouched(t)
	w.evil.untouched(t)
}

// 3: the names are right, the address is the attacker's.
func attackersAddress(t *testing.T) {
	w := newWorld(t, setup{})
	impostor := serve(t, newCA(t), victimHost, nil) // under the provider's name, with a certificate of the attacker's own
	w.evil.untouched(t)

	// The child connects to the address: the names inside make it no connection to the provider.
	r := w.run(t)
	s, a := r.connect(t, impostor.address)
	a.expect(t, "CONNECT to an address", http.StatusOK)
	if minted := handshakeAs(s, victimHost); minted == r.issuer(t) {
		t.Fatal("a connection to an address of the child's choice was taken for one to the provider")
	}
	s, code := r.socks(t, r.proxy(t).User, 1, impostor.address)
	if code != socksGranted {
		t.Fatalf("SOCKS to an address: %d", code)
	}
	if minted := handshakeAs(s, victimHost); minted == r.issuer(t) {
		t.Fatal("by SOCKS, a connection to an address was taken for one to the provider")
	}
	r.end()

	// The name leads to the attacker's address: the certificate there is not the provider's.
	w.resolve(victimHost+":443", impostor)
	r = w.run(t)
	r.victim(t).ask(t, get("/", "")).expect(t, "a server without the right certificate", http.StatusBadGateway)
	r.insideSOCKS(t, victimHost+":443", victimHost).ask(t, get("/", "")).expect(t, "the same by SOCKS", http.StatusBadGateway)
	impostor.untouched(t)
}

// 4: http in place of https.
func cleartext(t *testing.T) {
	w := newWorld(t, setup{})
	plain := serve(t, nil, victimHost, nil)
	w.resolve(victimHost+":80", plain)
	w.resolve(victimHost+":443", plain)
	r := w.run(t)
	for _, target := range []string{"http://" + victimHost + "/", "http://" + victimHost + ":443/"} {
		a := r.dial(t).ask(t, "GET "+target+" HTTP/1.1\r\nHost: "+victimHost+"\r\n"+r.authorization(t)+"\r\n")
		a.expect(t, target, http.StatusForbidden)
	}
	// A tunnel to the port of https in which no TLS is spoken.
	s, a := r.connect(t, victimHost+":443")
	a.expect(t, "CONNECT", http.StatusOK)
	s.write(t, get("/", ""))
	_, _ = s.br.ReadByte()
	for _, port := range []string{"443", "80"} { // by SOCKS there is no request that could be refused, but what is in it
		s, code := r.socks(t, r.proxy(t).User, 1, victimHost+":"+port)
		if code == socksGranted {
			s.write(t, get("/", ""))
			_, _ = s.br.ReadByte()
		}
	}
	plain.untouched(t)
}

// 5: another port of the same host.
func otherPort(t *testing.T) {
	w := newWorld(t, setup{})
	other := serve(t, w.ca, victimHost, nil)
	w.resolve(victimHost+":8443", other)
	r := w.run(t)
	s, err := r.inside(t, victimHost+":8443", victimHost)
	if err != nil {
		t.Fatal(err)
	}
	s.ask(t, "GET / HTTP/1.1\r\nHost: "+victimHost+":8443\r\n\r\n")
	other.ignorant(t, w.secret)
	w.victim.untouched(t)
	// And from inside the right connection.
	r.victim(t).ask(t, "GET / HTTP/1.1\r\nHost: "+victimHost+":8443\r\n\r\n").
		expect(t, "another port in Host", http.StatusMisdirectedRequest)
	w.victim.untouched(t)
}

// 7: addresses that give metadata away, in every spelling.
func metadataAddresses(t *testing.T) {
	w := newWorld(t, setup{})
	inside := serve(t, nil, "inside", nil) // stands for what listens on this machine
	_, port, _ := net.SplitHostPort(inside.address)
	r := w.run(t)
	// The first ones lead here when nobody looks. It ends with the first that gets through, so that the others go nowhere.
	for _, authority := range []string{
		"0.0.0.0:" + port, "[::]:" + port, "[::ffff:0.0.0.0]:" + port, "0:" + port, "0x0:" + port,
		"0x7f000001:" + port, "2130706433:" + port, "0177.0.0.1:" + port, "127.1:" + port,
		"169.254.169.254:80", "169.254.170.2:80", "[::ffff:169.254.169.254]:80", "[::ffff:a9fe:a9fe]:80",
		"[64:ff9b::a9fe:a9fe]:80", "[2002:a9fe:a9fe::]:80", "[fd00:ec2::254]:80", "[fe80::1]:80", "[fe80::1%25lo]:80",
		"100.100.100.200:80", "168.63.129.16:80", "2852039166:80", "0251.0376.0251.0376:80", "0xa9fea9fe:80",
		"169.254.43518:80", "255.255.255.255:80", "224.0.0.1:80",
	} {
		_, a := r.connect(t, authority)
		a.expect(t, "CONNECT "+authority, http.StatusForbidden, http.StatusBadRequest)
		a = r.dial(t).ask(t, "GET http://"+authority+"/ HTTP/1.1\r\nHost: "+authority+"\r\n"+r.authorization(t)+"\r\n")
		a.expect(t, "GET http://"+authority, http.StatusForbidden, http.StatusBadRequest)
		r.refusedBySOCKS(t, authority, socksNotAllowed, socksFailed)
	}
	inside.untouched(t)
}

// 8: the proxy itself as the target.
func ownPort(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.run(t)
	_, port, err := net.SplitHostPort(r.proxy(t).Host)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "LOCALHOST."} {
		_, a := r.connect(t, host+":"+port)
		a.expect(t, "CONNECT "+host, http.StatusForbidden)
		a = r.dial(t).ask(t, "GET http://"+host+":"+port+"/ HTTP/1.1\r\nHost: x\r\n"+r.authorization(t)+"\r\n")
		a.expect(t, "GET http://"+host, http.StatusForbidden, http.StatusBadRequest)
		r.refusedBySOCKS(t, net.JoinHostPort(strings.Trim(host, "[]"), port), socksNotAllowed, socksFailed)
	}
	for _, command := range []byte{2, 3} { // BIND, and UDP ASSOCIATE
		if _, code := r.socks(t, r.proxy(t).User, command, evilHost+":443"); code != socksNoCommand {
			t.Errorf("command %d of SOCKS was answered %d", command, code)
		}
	}
	w.evil.untouched(t)
}

// 9: a redirect to the attacker.
func redirect(t *testing.T) {
	w := newWorld(t, setup{victim: func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "https://"+evilHost+"/", http.StatusTemporaryRedirect)
	}})
	r := w.run(t)
	a := r.victim(t).ask(t, get("/", ""))
	a.expect(t, "a redirect", http.StatusTemporaryRedirect)
	w.evil.untouched(t)
	// A client that follows it and takes its header along takes nothing along.
	s, err := r.inside(t, evilHost+":443", evilHost)
	if err != nil {
		t.Fatal(err)
	}
	s.ask(t, "GET / HTTP/1.1\r\nHost: "+evilHost+"\r\nAuthorization: Bearer "+r.env["VICTIM_KEY"]+"\r\n\r\n")
	w.evil.ignorant(t, w.secret)
}

// 10: names that look like the provider's, and other spellings of its name.
func lookAlikes(t *testing.T) {
	w := newWorld(t, setup{})
	alike := []string{
		"evil-" + victimHost, "x" + victimHost, "a." + victimHost, victimHost + ".evil.test", "victim.test",
		strings.ReplaceAll(victimHost, ".", "-") + ".test", "api-victim.test", "apiXvictim.test",
	}
	for _, host := range alike {
		w.resolve(host+":443", serve(t, w.ca, strings.ToLower(host), nil))
	}
	r := w.run(t)
	for _, host := range alike {
		s, err := r.inside(t, host+":443", strings.ToLower(host))
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		a := s.ask(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\nX-Show: all\r\n\r\n")
		a.expect(t, host, http.StatusOK)
		if issuer := issuerOf(s); issuer != serverIssuer(w) {
			t.Errorf("%s was decrypted: its certificate is from %s", host, issuer)
		}
	}
	w.victim.untouched(t)
	for _, host := range []string{strings.ToUpper(victimHost), victimHost + ".", "Api.Victim.Test."} {
		s, err := r.inside(t, host+":443", victimHost)
		if err != nil {
			t.Fatal(err)
		}
		s.ask(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n").expect(t, host, http.StatusOK)
	}
	for _, n := range w.victim.seen() {
		if n.Host != victimHost || n.Header.Get("Authorization") != w.bearer() {
			t.Errorf("another spelling reached the provider as %s", n)
		}
	}
	for _, host := range []string{"api.vıctim.test", "api．victim.test", "api.victim.test%00.evil.test", "api.victim.test\\.evil.test"} {
		_, a := r.connect(t, host+":443")
		a.expect(t, host, http.StatusBadRequest)
	}
}
