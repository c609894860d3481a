package peer

import (
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// isForeign looks at the connection after the table: the socket of a client that has hung up by then was nobody's in it.
func isForeign(c *net.TCPConn, own int) bool {
	client, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return false
	}
	server, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return false
	}
	uid, found := userOf(client, server)
	return hasHungUp(c) || found && uid != own && uid != 0
}

// userOf returns whose the client's end of a connection is.
func userOf(client, server netip.AddrPort) (uid int, found bool) {
	for end := range clientEnds(client, server) {
		if uid, err := strconv.Atoi(end.uid); err == nil {
			return uid, true
		}
	}
	return 0, false
}

// hasHungUp reports whether the other end has closed the connection, as far as the system tells: not every kernel for containers does.
func hasHungUp(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		gone = err == nil && info.State > unix.BPF_TCP_ESTABLISHED
	})
	return err != nil || gone
}
