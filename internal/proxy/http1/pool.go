package http1

import (
	"slices"
	"time"
)

// idlePeer is a connection that is kept.
type idlePeer struct {
	*peer
	id uint64 // of the lasting context that its last request had
}

// recent is how many of those used last are looked at for the one of the same client. Of many clients the few connections
// that are used again and again serve better, for they are in the processor's cache.
const recent = 8

// take removes a connection of a destination, or returns nil: the one that is tied to the lasting context with the given
// id, if it was used recently, or else the one that was used last.
func (c *Client) take(destination string, id uint64) *peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.idle[destination]
	if len(list) == 0 {
		return nil
	}
	at := len(list) - 1
	for i := at; id != 0 && i >= max(0, len(list)-recent); i-- {
		if list[i].id == id {
			at = i
			break
		}
	}
	p := list[at].peer
	c.idle[destination] = slices.Delete(list, at, at+1) // swept when it stays empty
	c.kept--
	return p
}

// keep makes a connection available for another request, unless there are enough.
func (p *peer) keep() {
	p.since = time.Now()
	if !p.client.put(idlePeer{p, p.life.tiedTo()}) {
		_ = p.close()
	}
}

func (c *Client) put(p idlePeer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.idle[p.destination]
	if c.closed || len(list) >= orDefault(c.IdlePerHost, 256) || c.kept >= orDefault(c.Idle, 2048) {
		return false
	}
	if c.idle == nil {
		c.idle = make(map[string][]idlePeer)
	}
	c.idle[p.destination] = append(list, p)
	c.kept++
	if c.timer == nil {
		c.timer = time.AfterFunc(c.idleTimeout(), c.sweep)
	}
	return true
}

// sweep closes the connections that have been kept for too long, and comes again while there are others.
func (c *Client) sweep() {
	before := time.Now().Add(-c.idleTimeout())
	c.mu.Lock()
	old := c.expired(before)
	c.kept -= len(old)
	switch {
	case c.closed:
	case len(c.idle) > 0:
		c.timer.Reset(c.idleTimeout() / 2)
	default:
		c.timer = nil
	}
	c.mu.Unlock()
	for _, p := range old {
		_ = p.close()
	}
}

// expired removes what has been kept since before a time, and the destinations that have nothing left. The oldest come
// first in each list. The mutex is held.
func (c *Client) expired(before time.Time) []idlePeer {
	var old []idlePeer
	for destination, list := range c.idle {
		n := 0
		for n < len(list) && !list[n].since.After(before) {
			n++
		}
		old = append(old, list[:n]...)
		if n == len(list) {
			delete(c.idle, destination)
		} else if n > 0 {
			c.idle[destination] = append([]idlePeer(nil), list[n:]...)
		}
	}
	return old
}

// Close closes the connections that are kept, and those given back from now on.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	var all []idlePeer
	for _, list := range c.idle {
		all = append(all, list...)
	}
	c.idle, c.kept = nil, 0
	c.mu.Unlock()
	for _, p := range all {
		_ = p.close()
	}
}

func (c *Client) idleTimeout() time.Duration { return orDefault(c.IdleTimeout, 90*time.Second) }
