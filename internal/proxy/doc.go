// Package proxy puts credentials on the requests of a child process that does not hold them.
//
// It is an HTTP proxy for one run on loopback: every client must know the run's password. A CONNECT to a host of a
// connected provider is decrypted, with a certificate of the run's own authority; each request inside goes out with the
// credential of the connection or not at all. Everything else is tunnelled byte for byte, or refused.
//
// What it promises:
//
//   - One authority decides. The target of CONNECT, the server name of the handshake and the host of every request
//     inside are equal, or the request is refused; the upstream connection is made to that name and its certificate is
//     verified.
//   - A credential goes over https only, to the host, port and path that the definition names, never to the provider's
//     own OAuth endpoints, and takes the place of whatever credential the client sent. The placeholder that the child
//     was given instead of a credential is never forwarded.
//   - Requests and responses stream: what arrives is passed on at once, in both directions. Redirects are handed back.
//   - A warm request reads no vault and no disk, takes no lock that another connection holds, and calls no
//     CredentialSource.
package proxy
