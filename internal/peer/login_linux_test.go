package peer

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
)

// envDial makes this binary a client that connects to an address and stays until its standard input ends.
const envDial = "PEER_TEST_DIAL"

func TestMain(m *testing.M) {
	if address := os.Getenv(envDial); address != "" {
		conn, err := net.Dial(os.Getenv("PEER_TEST_NETWORK"), address)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		defer conn.Close()
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

func TestClientIsKnownByTheEnvironmentItWasStartedWith(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	address := ln.Addr().String()
	for _, test := range []struct {
		name, network, dial, proxy, want string
	}{
		{"the run's own", "tcp4", address, "http://authsome:secret@" + address, "secret"},
		// A socket for IPv6 that reaches an IPv4 address, as Java's do, stands in another table.
		{"through IPv6", "tcp", "[::ffff:127.0.0.1]:" + address[len("127.0.0.1:"):], "http://authsome:secret@" + address, "secret"},
		{"a stranger", "tcp4", address, "", ""},
		{"another run's", "tcp4", address, "http://authsome:secret@127.0.0.1:1", ""},
		{"one with a wrong password", "tcp4", address, "http://authsome:wrong@" + address, "wrong"},
	} {
		t.Run(test.name, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self)
			cmd.Env = []string{envDial + "=" + test.dial, "PEER_TEST_NETWORK=" + test.network, "HTTPS_PROXY=" + test.proxy}
			stay, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer stay.Close()
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			client, proxy := netip.MustParseAddrPort(conn.RemoteAddr().String()), netip.MustParseAddrPort(conn.LocalAddr().String())
			if _, password, ok := ProxyLogin(client, proxy); password.Reveal() != test.want || ok != (test.want != "") {
				t.Errorf("%q, %t", password.Reveal(), ok)
			}
			// The other end of the connection is held by this process, which has no such environment.
			if _, _, ok := ProxyLogin(proxy, client); ok {
				t.Error("the wrong end is looked at")
			}
		})
	}
}
