package peer

import (
	"net/netip"
	"strings"
	"testing"
)

var proxyAddress = netip.MustParseAddrPort("127.0.0.1:4711")

func TestLoginIsThatOfThisProxyOnly(t *testing.T) {
	t.Parallel()
	for environ, want := range map[string]string{
		"A=b\x00HTTPS_PROXY=http://authsome:p%40ss@127.0.0.1:4711\x00": "authsome p@ss",
		"https_proxy=http://authsome:p@127.0.0.1:4711":                 "authsome p",
		"HTTPS_PROXY=http://authsome:p@127.0.0.1:4712":                 "",
		"HTTPS_PROXY=http://authsome:p@127.0.0.1":                      "",
		"HTTPS_PROXY=http://127.0.0.1:4711":                            "",
		"HTTPS_PROXY=http://%zz@127.0.0.1:4711":                        "",
		"XHTTPS_PROXY=http://authsome:p@127.0.0.1:4711":                "",
		"": "",
	} {
		user, password, ok := loginIn(environ, proxyAddress)
		if got := strings.TrimSpace(user + " " + password.Reveal()); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t", environ, got, ok)
		}
	}
}

func TestOtherMachinesAreNotLookedFor(t *testing.T) {
	t.Parallel()
	if _, _, ok := ProxyLogin(netip.MustParseAddrPort("192.0.2.1:1"), proxyAddress); ok {
		t.Error("a client of another machine is known")
	}
}

func FuzzLoginIn(f *testing.F) {
	f.Add("HTTPS_PROXY=http://a:b@127.0.0.1:4711\x00https_proxy=http://127.0.0.1:4711")
	f.Fuzz(func(t *testing.T, environ string) {
		if _, _, ok := loginIn(environ, proxyAddress); ok && !strings.Contains(environ, "@127.0.0.1:4711") {
			t.Errorf("%q", environ)
		}
	})
}
