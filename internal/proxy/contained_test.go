package proxy

import (
	"net"
	"net/netip"
	"testing"
)

func TestIsThisMachine(t *testing.T) {
	tests := map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true, "64:ff9b::7f00:1": true,
		"192.0.2.1": false, "2001:db8::1": false,
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own {
		tests[netip.MustParsePrefix(a.String()).Addr().String()] = true
	}
	for address, want := range tests {
		if got := isThisMachine(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}
