package agent

import (
	"context"
	"sync"
	"time"
)

const (
	// maxWaiting is how many uses may wait to be asked about. Who sends more is not asking a person, but flooding one.
	maxWaiting = 4
	// maxRefusals in a row, and nobody is asked for quietTime.
	maxRefusals = 3
	quietTime   = time.Minute
	// patience is how long a question stays.
	patience = time.Minute
)

// Asker asks a person whether a process may use the key. It returns false when the context ends.
type Asker func(ctx context.Context, who Caller) bool

// gate has a person agree to each use of a key: one question at a time, each about one use, few that wait, and none for
// a while once the person has said no several times in a row. It is safe for concurrent use.
type gate struct {
	ask  Asker
	now  func() time.Time
	turn chan struct{} // holds one element while somebody is asked

	mu       sync.Mutex // guards all below
	waiting  int
	refusals int
	quiet    time.Time // until when nobody is asked
}

func newGate(ask Asker, now func() time.Time) *gate {
	return &gate{ask: ask, now: now, turn: make(chan struct{}, 1)}
}

// agreed asks about one use. It returns false also when nobody was asked or nobody has answered.
func (g *gate) agreed(ctx context.Context, who Caller) bool {
	if !g.enter() {
		return false
	}
	defer g.leave()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return false
	}
	if ctx.Err() != nil || g.isQuiet() { // the question before this one may have been the last
		return false
	}
	yes := g.ask(ctx, who) && ctx.Err() == nil
	g.count(yes)
	return yes
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now().Before(g.quiet) || g.waiting == maxWaiting {
		return false
	}
	g.waiting++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting--
}

func (g *gate) isQuiet() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now().Before(g.quiet)
}

func (g *gate) count(yes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if yes {
		g.refusals = 0
		return
	}
	g.refusals++
	if g.refusals >= maxRefusals {
		g.refusals, g.quiet = 0, g.now().Add(quietTime)
	}
}
