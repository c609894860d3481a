package http1

import "time"

// take removes the connection of a destination that was used last, or returns nil.
func (c *Client) take(destination string) *peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.idle[destination]
	if len(list) == 0 {
		return nil
	}
	p := list[len(list)-1]
	list[len(list)-1] = nil
	c.idle[destination] = list[:len(list)-1] // swept when it stays empty
	c.kept--
	return p
}

// keep makes a connection available for another request, unless there are enough.
func (p *peer) keep() {
	p.since = time.Now()
	if !p.client.put(p) {
		_ = p.conn.Close()
	}
}

func (c *Client) put(p *peer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.idle[p.destination]
	if c.closed || len(list) >= orDefault(c.IdlePerHost, 256) || c.kept >= orDefault(c.Idle, 2048) {
		return false
	}
	if c.idle == nil {
		c.idle = make(map[string][]*peer)
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
		_ = p.conn.Close()
	}
}

// expired removes what has been kept since before a time, and the destinations that have nothing left. The oldest come
// first in each list. The mutex is held.
func (c *Client) expired(before time.Time) []*peer {
	var old []*peer
	for destination, list := range c.idle {
		n := 0
		for n < len(list) && !list[n].since.After(before) {
			n++
		}
		old = append(old, list[:n]...)
		if n == len(list) {
			delete(c.idle, destination)
		} else if n > 0 {
			c.idle[destination] = append([]*peer(nil), list[n:]...)
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
	var all []*peer
	for _, list := range c.idle {
		all = append(all, list...)
	}
	c.idle, c.kept = nil, 0
	c.mu.Unlock()
	for _, p := range all {
		_ = p.conn.Close()
	}
}

func (c *Client) idleTimeout() time.Duration { return orDefault(c.IdleTimeout, 90*time.Second) }
