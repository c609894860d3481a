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
	one, other := endOf(a), endOf(b)
	hangUp := func() {
		_ = a.Close()
		_ = b.Close()
	}
	stop := context.AfterFunc(ctx, hangUp)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pass(one, other, hangUp)
	}()
	pass(other, one, hangUp)
	<-done
	hangUp()
}

// tunnelEnd is one end of a tunnel: written to in one direction, read from in the other.
type tunnelEnd struct {
	net.Conn
	tcp  *net.TCPConn // nil: it is none, and the kernel cannot copy from or to it
	wire *http1.Wire  // over tcp
}

func endOf(c net.Conn) tunnelEnd {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return tunnelEnd{Conn: c}
	}
	return tunnelEnd{c, tcp, http1.NewWire(tcp)}
}

// pass copies one direction and passes its end on.
func pass(to, from tunnelEnd, hangUp func()) {
	var err error
	if to.tcp != nil && from.tcp != nil {
		err = copyTCP(to, from)
	} else {
		err = copyBytes(to.Conn, from.Conn)
	}
	if err != nil {
		hangUp()
		return
	}
	half, ok := to.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		hangUp()
	}
}

// copyBytes copies until the end.
func copyBytes(to io.Writer, from io.Reader) error {
	buf := http1.GetBuffer()
	defer http1.PutBuffer(buf)
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, *buf)
	return err
}

// spliceAtOnce is how many bytes the kernel is asked to pass on by itself when a connection has much to say.
const spliceAtOnce = 1 << 30

// copyTCP copies until the end, between TCP connections. The kernel does the copying as soon as there is bulk. Before, it
// does not: for a direction in which it may copy it keeps a pipe, two files more for each, also while nothing comes.
func copyTCP(to, from tunnelEnd) error {
	for {
		full, err := copySome(to.wire, from.wire)
		if err == nil && full {
			_, err = io.CopyN(to.tcp, from.tcp, spliceAtOnce)
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
func copySome(to, from *http1.Wire) (full bool, err error) {
	buf, n, err := from.Await()
	defer http1.PutBuffer(buf)
	if n > 0 {
		if _, failed := to.Write((*buf)[:n]); failed != nil {
			return false, failed
		}
	}
	return n == len(*buf), err
}
