package proxy

import (
	"context"
	"crypto/sha1" //nolint:gosec // RFC 6455 section 1.3 demands it; nothing rests on it here
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"authsome"
)

// upgradeOf returns the protocol that a request of HTTP/1.1 asks to switch to (RFC 9110 section 7.8), or "". HTTP
// in another version and TLS within TLS (RFC 2817) are not offered on: nothing behind them could be looked through, and the answer
// to the request, which had the credential, would be there.
func upgradeOf(r *http.Request) string {
	if r.ProtoMajor != 1 || r.ProtoMinor == 0 || !hasToken(r.Header["Connection"], "upgrade") {
		return ""
	}
	protocol := r.Header.Get("Upgrade")
	if len(r.Header["Upgrade"]) != 1 || strings.Contains(protocol, ",") {
		return ""
	}
	for _, hidden := range [...]string{"h2", "http", "tls"} {
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(protocol)), hidden) {
			return ""
		}
	}
	return protocol
}

// switchProtocols joins client and upstream after a 101 that answers what was asked. From then on the bytes are theirs.
func (x *exchange) switchProtocols(resp *http.Response) {
	server, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || !x.switches(resp) {
		_ = resp.Body.Close()
		why := refuse(http.StatusBadGateway, "bad_upgrade", "%s switched to a protocol that was not asked for", x.d)
		why.Kind = authsome.KindUnreachable
		x.p.deny(x.w, x.in, x.d.field, why)
		return
	}
	defer server.Close()
	client, buffers, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.p.cfg.Logger.Debug("proxy: upgrade", "host", x.d.host, "error", err)
		panic(http.ErrAbortHandler)
	}
	defer client.Close()
	h := resp.Header
	protocol := h["Upgrade"]
	dropHopByHop(h)
	delete(h, "Alt-Svc")
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, protocol
	_, _ = buffers.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(buffers)
	_, _ = buffers.WriteString("\r\n")
	if buffers.Flush() != nil {
		return
	}
	x.relay(client, buffers.Reader, x.guardStream(server))
}

// relay copies both directions until one of them ends: with the TLS below and the protocol above there is no half of
// such a connection.
func (x *exchange) relay(client io.WriteCloser, fromClient io.Reader, server io.ReadWriteCloser) {
	hangUp := func() {
		_ = client.Close()
		_ = server.Close()
	}
	stop := context.AfterFunc(x.p.ctx, hangUp)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = copyBytes(client, server)
		hangUp()
	}()
	_ = copyBytes(server, fromClient)
	hangUp()
	<-done
}

// switches reports whether a 101 answers the request: it names the protocol asked for and, for a WebSocket, proves that
// the server has understood the handshake (RFC 6455 section 4.2.2).
func (x *exchange) switches(resp *http.Response) bool {
	protocol := x.out.Header.Get("Upgrade")
	if protocol == "" || !isUpgradeTo(resp, protocol) {
		return false
	}
	if !strings.EqualFold(protocol, "websocket") {
		return true
	}
	sum := sha1.Sum([]byte(x.out.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	return resp.Header.Get("Sec-Websocket-Accept") == base64.StdEncoding.EncodeToString(sum[:])
}

// isUpgradeTo reports whether a response switches to the protocol that was asked for.
func isUpgradeTo(resp *http.Response, protocol string) bool {
	return strings.EqualFold(resp.Header.Get("Upgrade"), protocol) && hasToken(resp.Header["Connection"], "upgrade")
}
