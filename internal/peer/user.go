package peer

import "net"

// IsForeign reports whether the client at the other end of a connection on this machine is a process of another user than own.
// Root is foreign to nobody, and nobody to root. A client that has hung up is foreign: whose it was cannot be told. One that
// cannot be found, because it is on another machine or below another kernel, is not.
func IsForeign(conn net.Conn, own int) bool {
	c, ok := conn.(*net.TCPConn)
	return ok && own != 0 && isForeign(c, own)
}
