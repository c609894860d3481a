// Package poll tells of changes that nobody announces: those that other processes make to a file. Use [Changes].
package poll

import (
	"context"
	"time"
)

// Interval is how soon a change is told of: a revocation has to be felt within a second. A look should cost next to nothing;
// that at the vault takes some 20 µs, see BenchmarkStamp in internal/sqlite.
const Interval = 250 * time.Millisecond

// Changes asks changed every [Interval] until ctx ends, and returns a channel that receives when it says yes. Changes that nobody has
// received yet are one. What is there now is for the caller to look at before, so that nothing is missed that it does not know.
func Changes(ctx context.Context, changed func() bool) <-chan struct{} {
	changes := make(chan struct{}, 1)
	go func() {
		tick := time.NewTicker(Interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if !changed() {
				continue
			}
			select {
			case changes <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
	return changes
}
