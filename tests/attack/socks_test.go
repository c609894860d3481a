package attack_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
)

// The answers of RFC 1928 section 6 that are expected here.
const (
	socksGranted    = 0
	socksFailed     = 1
	socksNotAllowed = 2
	socksNoCommand  = 7
	socksNoAnswer   = -1 // the connection ends
)

// socks logs in to the proxy with SOCKS5 and asks it for a command. It returns the answer.
func (r *running) socks(t *testing.T, user *url.Userinfo, command byte, authority string) (*session, int) {
	t.Helper()
	s := r.dial(t)
	s.write(t, "\x05\x01\x02")
	password, _ := user.Password()
	s.write(t, "\x01"+counted(user.Username())+counted(password))
	var login [4]byte
	if _, err := io.ReadFull(s.br, login[:]); err != nil || login[3] != 0 {
		return s, socksNoAnswer
	}
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "\x05"+string([]byte{command})+"\x00"+socksAddress(host)+string([]byte{byte(n >> 8), byte(n)}))
	var reply [10]byte
	if _, err := io.ReadFull(s.br, reply[:]); err != nil {
		return s, socksNoAnswer
	}
	return s, int(reply[1])
}

// counted is a text after its length.
func counted(text string) string { return string([]byte{byte(len(text))}) + text }

// socksAddress writes a host as an address if it is one, and as a name otherwise.
func socksAddress(host string) string {
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil || ip.Zone() != "":
		return "\x03" + counted(host)
	case ip.Is4():
		return "\x01" + string(ip.AsSlice())
	}
	return "\x04" + string(ip.AsSlice())
}

// insideSOCKS is inside, but asks with SOCKS.
func (r *running) insideSOCKS(t *testing.T, authority, sni string) *session {
	t.Helper()
	s, code := r.socks(t, r.proxy(t).User, 1, authority)
	if code != socksGranted {
		t.Fatalf("SOCKS to %s: %d", authority, code)
	}
	secure := tls.Client(s.Conn, &tls.Config{RootCAs: r.roots(t), ServerName: sni})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	return &session{secure, bufio.NewReader(secure)}
}

// refusedBySOCKS fails the test when SOCKS leads somewhere.
func (r *running) refusedBySOCKS(t *testing.T, authority string, codes ...int) {
	t.Helper()
	_, got := r.socks(t, r.proxy(t).User, 1, authority)
	for _, code := range codes {
		if got == code {
			return
		}
	}
	t.Fatalf("SOCKS to %s was answered %d, want %v", authority, got, codes)
}
