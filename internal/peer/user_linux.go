package peer

import (
	"bufio"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

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
	return !isEstablished(c) || found && uid != own && uid != 0
}

// userOf returns whose the client's end of a connection is.
func userOf(client, server netip.AddrPort) (uid int, found bool) {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if uid, found = userIn(table, tableAddress(client, table), tableAddress(server, table)); found {
			return uid, true
		}
	}
	return 0, false
}

func userIn(table, local, remote string) (uid int, found bool) {
	file, err := os.Open(table)
	if err != nil {
		return 0, false
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) <= 9 || fields[1] != local || fields[2] != remote {
			continue
		}
		uid, err := strconv.Atoi(fields[7])
		return uid, err == nil
	}
	return 0, false
}

// isEstablished reports whether neither end has closed the connection.
func isEstablished(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	established := false
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		established = err == nil && info.State == unix.BPF_TCP_ESTABLISHED
	})
	return err == nil && established
}
