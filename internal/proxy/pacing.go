package proxy

import (
	"net"
	"syscall"
)

// acceptUnpaced has the connections that a listener accepts send at once, if they come from this machine. They inherit it.
func acceptUnpaced(ln net.Listener) {
	at, ok := ln.Addr().(*net.TCPAddr)
	if !ok || !at.IP.IsLoopback() {
		return
	}
	if socket, ok := ln.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			sendAtOnce(raw)
		}
	}
}
