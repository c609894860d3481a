package proxy

import (
	"context"
	"sync"
)

// openExchanges are the requests, streams and upgraded connections that go on with the credential of one connection.
type openExchanges struct {
	mu    sync.Mutex // guards the list
	first *exchange
}

// entry is an exchange's place in the list.
type entry struct {
	listed     *openExchanges // nil: in none
	prev, next *exchange

	// How it is ended at once: one of the two is set.
	response cutter
	cancel   context.CancelFunc
}

// cutter is a response that can be cut off together with its connection: that of HTTP/1.1, where it has the connection
// for itself.
type cutter interface{ Cut() }

// enter puts the exchange where it can be cut off. It comes before the credential is asked for: a connection that is
// gone by then has none, and one that goes later finds the exchange here.
func (x *exchange) enter() {
	if x.slot == nil {
		return
	}
	var ok bool
	if x.response, ok = x.w.(cutter); !ok {
		var ctx context.Context
		ctx, x.cancel = context.WithCancel(x.in.Context())
		x.in = x.in.WithContext(ctx)
	}
	o := &x.slot.open
	o.mu.Lock()
	defer o.mu.Unlock()
	x.listed, x.next = o, o.first
	if o.first != nil {
		o.first.prev = x
	}
	o.first = x
}

// leave takes the exchange, which has ended, out of the list.
func (x *exchange) leave() {
	o := x.listed
	if o == nil {
		return
	}
	o.mu.Lock()
	if x.prev != nil {
		x.prev.next = x.next
	} else {
		o.first = x.next
	}
	if x.next != nil {
		x.next.prev = x.prev
	}
	x.listed, x.prev, x.next = nil, nil, nil
	o.mu.Unlock()
	if x.cancel != nil {
		x.cancel()
	}
}

// cut ends everything that is open, because the connection whose credential it uses is gone.
func (o *openExchanges) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for x := o.first; x != nil; x = x.next {
		if x.cancel != nil {
			x.cancel()
		} else {
			x.response.Cut()
		}
	}
}
