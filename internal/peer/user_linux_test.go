package peer

import (
	"net"
	"os"
	"testing"
	"time"
)

func TestAClientThatHasHungUpIsForeign(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	own := os.Geteuid()
	if own == 0 {
		own = 54321 // whom root is not foreign to
	}
	for _, reset := range []bool{false, true} {
		client, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if IsForeign(server, own) {
			t.Error("a client of the same user is foreign")
		}
		if reset {
			_ = client.(*net.TCPConn).SetLinger(0)
		}
		_ = client.Close()
		until := time.Now().Add(10 * time.Second)
		for !IsForeign(server, own) {
			if time.Now().After(until) {
				t.Fatal("a client that has hung up is not foreign")
			}
			time.Sleep(time.Millisecond)
		}
		if IsForeign(server, 0) {
			t.Error("somebody is foreign to root")
		}
	}
}
