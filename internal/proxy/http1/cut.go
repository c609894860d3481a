package http1

import "net"

// Cut ends the connection of the response in the middle of whatever it is doing, also after it was hijacked. It may be
// called at any time and by any goroutine. Nothing more is sent, not even the end of TLS: the client learns that what it
// has is incomplete.
func (w *response) Cut() {
	conn := w.c.rwc
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}
