package http1

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// lasting is the context of all requests of one client's connection. A connection to a server that goes from one of them to
// the next stays tied to it, which spares tying and untying it for each request.
type lasting struct {
	context.Context
	id uint64 // never 0
}

// lastID is the number of the last lasting context that was made.
var lastID atomic.Uint64

func newLasting(ctx context.Context) context.Context { return &lasting{ctx, lastID.Add(1)} }

// idOf returns what tells a lasting context from others, and 0 for one that lasts no longer than its request.
func idOf(ctx context.Context) uint64 {
	if l, ok := ctx.(*lasting); ok {
		return l.id
	}
	return 0
}

// lifeline makes every read and write on a connection fail when the context of the exchange on it ends.
type lifeline struct {
	p *peer

	mu     sync.Mutex // guards all below
	id     uint64     // of the lasting context it is tied to; 0 for any other
	untie  func() bool
	knot   uint64 // counts the times it was tied
	busy   bool   // there is an exchange
	broken bool
}

// begin ties the connection to the context of an exchange that begins.
func (l *lifeline) begin(ctx context.Context) {
	id := idOf(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = true
	if id != 0 && id == l.id {
		return
	}
	l.loose()
	l.knot++
	knot := l.knot
	l.id, l.untie = id, context.AfterFunc(ctx, func() { l.ended(knot) })
}

// ended is called when a context that the connection has been tied to has ended. A connection that is idle then can serve
// others.
func (l *lifeline) ended(knot uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.untie == nil || l.knot != knot {
		return
	}
	l.id, l.untie = 0, nil
	if l.busy {
		l.broken = true
		l.p.interrupt()
	}
}

// end ends an exchange and reports whether it was not broken off.
func (l *lifeline) end() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = false
	if l.id == 0 {
		l.loose()
	}
	return !l.broken
}

// tiedTo returns the id of the lasting context that the connection is tied to.
func (l *lifeline) tiedTo() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

// release unties the connection, which is no longer used.
func (l *lifeline) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = false
	l.loose()
}

// loose unties the connection. The mutex is held.
func (l *lifeline) loose() {
	if l.untie != nil {
		l.untie()
	}
	l.id, l.untie = 0, nil
}

// interrupt makes every read and write on the connection fail.
func (p *peer) interrupt() { _ = p.conn.SetDeadline(time.Unix(1, 0)) }

// close ends a connection on which there is no exchange.
func (p *peer) close() error {
	p.life.release()
	return p.conn.Close()
}
