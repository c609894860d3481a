package proxy

import (
	"context"
	"io"
	"net"
	"net/http"

	"authsome/internal/proxy/http1"
)

// tunnel connects the client with the target, byte for byte (RFC 9110 section 9.3.6).
func (p *Proxy) tunnel(w http.ResponseWriter, r *http.Request, target authority) {
	server, err := p.upstream.dialTunnel(r.Context(), target)
	if err != nil {
		p.cfg.Logger.Debug("proxy: tunnel", "host", target.host, "error", err)
		p.deny(w, r, target.String(), unreachable(target, err))
		return
	}
	client, err := accept(w)
	if err != nil {
		_ = server.Close()
		return
	}
	if client.early != nil {
		early := io.LimitReader(client.early, int64(client.early.Buffered()))
		if _, err := io.Copy(server, early); err != nil {
			_ = server.Close()
			_ = client.Close()
			return
		}
	}
	join(p.ctx, client.Conn, server)
}

// join passes bytes on between two connections until both directions have ended, or one has failed, or ctx is done, and
// closes them. The end of one direction is passed on without ending the other. Between two TCP connections the kernel
// does the copying.
func join(ctx context.Context, a, b net.Conn) {
	hangUp := func() {
		_ = a.Close()
		_ = b.Close()
	}
	stop := context.AfterFunc(ctx, hangUp)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pass(a, b, hangUp)
	}()
	pass(b, a, hangUp)
	<-done
	hangUp()
}

// pass copies one direction and passes its end on.
func pass(to, from net.Conn, hangUp func()) {
	if err := copyBytes(to, from); err != nil {
		hangUp()
		return
	}
	half, ok := to.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		hangUp()
	}
}

// copyBytes copies until the end. TCP connections are given to io.Copy as they are, so that they splice; others get a
// larger buffer than its own.
func copyBytes(to io.Writer, from io.Reader) error {
	_, toTCP := to.(*net.TCPConn)
	_, fromTCP := from.(*net.TCPConn)
	if toTCP && fromTCP {
		_, err := io.Copy(to, from)
		return err
	}
	buf := http1.GetBuffer()
	defer http1.PutBuffer(buf)
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, *buf)
	return err
}
