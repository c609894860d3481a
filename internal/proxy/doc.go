// Package proxy puts credentials on the requests of a child process that does not hold them.
//
// It is a proxy for HTTP and SOCKS5 on loopback, for one run or for agents that come and go: every client must know the run's
// password, or one of its own. A CONNECT to a host of a connected provider is decrypted, with a certificate of an authority
// that the proxy alone has; each request inside goes out with the credential of the connection or not at all. Everything else
// is tunnelled byte for byte, or refused.
//
// What it promises:
//
//   - One authority decides. The target of CONNECT, the server name of the handshake and the host of every request
//     inside are equal, or the request is refused; the upstream connection is made to that name and its certificate is
//     verified.
//   - A credential goes over https only, to the host, port and path that the definition names, never to the provider's
//     own OAuth endpoints, and takes the place of whatever credential the client sent. A request to a decrypted host that holds
//     the placeholder in its path, query or header fields is refused; one that holds it in its body is put on record.
//   - Requests and responses stream: what arrives is passed on at once, in both directions. Redirects are handed back.
//   - A warm request reads no vault and no disk, and calls no CredentialSource.
package proxy
