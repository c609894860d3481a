package proxy

import (
	"context"
	"errors"
	"io"
	"net"

	"authsome/internal/proxy/http1"
)

// tunnel connects the client with the target, byte for byte (RFC 9110 section 9.3.6).
func (p *Proxy) tunnel(c *client, e entrance, target authority) {
	server, err := p.upstream.dialTunnel(c.ctx, target, false)
	if err != nil {
		p.cfg.Logger.Debug("proxy: tunnel", "host", target.host, "error", err)
		e.refuse(target.String(), unreachable(target, err))
		return
	}
	conn, err := e.accept()
	if err != nil {
		_ = server.Close()
		return
	}
	if len(conn.early) > 0 {
		if _, err := server.Write(conn.early); err != nil {
			_ = server.Close()
			_ = conn.Close()
			return
		}
		conn.early = nil
	}
	join(c.ctx, conn.Conn, server)
}

// join passes bytes on between two connections until both directions have ended, or one has failed, or ctx is done, and
// closes them. The end of one direction is passed on without ending the other. Between two TCP connections the kernel
// does the copying of bulk.
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

// spliceAtOnce is how many bytes the kernel is asked to pass on by itself when a connection has much to say.
const spliceAtOnce = 1 << 30

// copyBytes copies until the end. Between TCP connections the kernel does the copying as soon as there is bulk. Before,
// it does not: for a direction in which it may copy it keeps a pipe, two files more for each, also while nothing comes.
func copyBytes(to io.Writer, from io.Reader) error {
	target, toTCP := to.(*net.TCPConn)
	source, fromTCP := from.(*net.TCPConn)
	if !toTCP || !fromTCP {
		buf := http1.GetBuffer()
		defer http1.PutBuffer(buf)
		_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, *buf)
		return err
	}
	in, out := http1.NewWire(source), http1.NewWire(target)
	for {
		full, err := copySome(out, in)
		if err == nil && full {
			_, err = io.CopyN(target, source, spliceAtOnce)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// copySome passes on what has arrived, and reports whether there was as much as fits.
func copySome(to io.Writer, from *http1.Wire) (full bool, err error) {
	buf, n, err := from.Await()
	defer http1.PutBuffer(buf)
	if n > 0 {
		if _, failed := to.Write((*buf)[:n]); failed != nil {
			return false, failed
		}
	}
	return n == len(*buf), err
}
