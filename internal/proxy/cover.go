package proxy

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"authsome"
	"authsome/internal/redact"
)

// cover is what must not come back from a place: the values of all connections whose credentials go there, not only of the one
// that a request was sent with. What one account has left at an API another one can read.
type cover struct {
	slots []*slot
	live  redact.Live // forms of the values that are alive
	// off: no connection's guard wants anything covered.
	off atomic.Bool
	// asked is when the connections that have handed out nothing yet are asked for what they have, in Unix nanoseconds.
	asked atomic.Int64

	mu sync.Mutex // held while live is made anew, so that the latest one lasts
}

// coverOf returns the cover of a place to which these connections belong, or nil if there are none.
func (m *memory) coverOf(slots []*slot) *cover {
	if len(slots) == 0 {
		return nil
	}
	slices.SortFunc(slots, func(a, b *slot) int { return cmp.Compare(a.ref.String(), b.ref.String()) })
	slots = slices.Compact(slots)
	var key strings.Builder
	for _, s := range slots {
		key.WriteString(s.ref.String())
		key.WriteByte(0)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.covers[key.String()]
	if c == nil {
		c = &cover{slots: slots}
		m.covers[key.String()] = c
		for _, s := range slots {
			s.covers = append(slices.Clip(s.covers), c)
		}
		c.renew() // last: what is handed out from now on finds it
	}
	return c
}

// coversOf returns the covers that hold the values of a connection.
func (m *memory) coversOf(s *slot) []*cover {
	m.mu.Lock()
	defer m.mu.Unlock()
	return s.covers
}

// renew makes the set of what is looked for anew.
func (c *cover) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	off := true
	var forms []string
	for _, s := range c.slots {
		if s.guard.Load().Off {
			continue
		}
		off = false
		for _, cred := range s.live() {
			forms = append(forms, redact.FormsOf(cred)...)
		}
	}
	c.live.Store(redact.New(forms))
	c.off.Store(off)
}

// acquaint has the values of all connections of a place known before anything is asked there: an earlier run may have left one
// there. It reads what is stored, once, and refreshes nothing. The connection whose credential is asked for anyway is left out.
func (m *memory) acquaint(ctx context.Context, c *cover, except *slot) {
	if at := c.asked.Load(); at == math.MaxInt64 || m.now().UnixNano() < at {
		return
	}
	next := int64(math.MaxInt64)
	var flights []*flight
	for _, s := range c.slots {
		if s != except && len(s.handedOut.load()) == 0 && !s.guard.Load().Off {
			flights = append(flights, m.fetch(s, question{stored: true}))
		}
	}
	for _, f := range flights {
		if _, err := m.wait(ctx, f); err != nil && (ctx.Err() != nil || isPassing(err)) {
			next = m.now().Add(keepAtLeast).UnixNano()
		}
	}
	c.asked.Store(next)
}

// askAgain has the connections that have handed out nothing asked once more: there may be something by now.
func (m *memory) askAgain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.covers {
		c.asked.Store(0)
	}
}

// setGuard says what may come back from now on. What is open and is not looked through ends when it should be.
func (m *memory) setGuard(s *slot, guard authsome.Guard) {
	before := *s.guard.Load()
	if before == guard {
		return
	}
	s.guard.Store(&guard)
	for _, c := range m.coversOf(s) {
		c.asked.Store(0)
		c.renew()
	}
	if before.Off && !guard.Off {
		s.open.cut()
	}
}

// lookFor settles what must not come back in the answer.
func (x *exchange) lookFor() {
	if x.slot != nil {
		x.lets = *x.slot.guard.Load()
	}
	c := x.d.cover
	if c == nil || c.off.Load() {
		return
	}
	x.cover = c
	x.p.memory.acquaint(x.in.Context(), c, x.slot)
}
