package proxy

import "syscall"

// sendAtOnce has a socket whose other end is on this machine, or one that listens for such, send as soon as there is room at the other
// end. A system that was told to use BBR has each connection wait for timers, as if there were a network that could be flooded;
// of a large body that is a good part of what client, proxy and server have to do. Reno waits for nothing, is in every kernel, and
// may be chosen by everybody. Where it cannot be had everything works, too.
func sendAtOnce(socket syscall.RawConn) {
	_ = socket.Control(func(fd uintptr) {
		_ = syscall.SetsockoptString(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CONGESTION, "reno")
	})
}
