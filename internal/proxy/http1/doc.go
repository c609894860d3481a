// Package http1 speaks HTTP/1.1 (RFC 9112) for a proxy, to clients with [Server] and to servers with [Client]: strictly on
// what comes in, and without holding back what goes out.
//
// The server takes one connection at a time. It calls an http.Handler as net/http does, and differs from it in this. A
// request whose framing two readers could understand in two ways is refused: both Content-Length and Transfer-Encoding,
// repeated lengths or hosts, a line that ends in a bare line feed or is folded. Nothing is added to a response but its
// framing. The handler may read the request's body while it writes the response. A client that goes away is noticed by a
// reader that starts only when a response takes long, so that quick requests, one after the other, cost one goroutine per
// connection.
package http1
