// Package keepalive keeps logins from lapsing while a broker runs: it calls an [authsome.Keeper] from time to time. Use [Run].
//
// It promises to be no burden: one call at a time, never more often than once a minute, at least once an hour, and spread
// over time where several brokers run.
package keepalive

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"authsome"
)

const (
	// Settle is how long a broker is best left to itself: most runs are over by then.
	Settle = 15 * time.Second
	// atMost and atLeast bound the pause between two calls. A timer stands still while a machine sleeps, and other
	// processes change what is stored: so the keeper's own word for when to come back is not trusted for longer.
	atLeast = time.Minute
	atMost  = time.Hour
)

// Run calls the keeper until ctx ends, for the first time after settle.
func Run(ctx context.Context, keeper authsome.Keeper, settle time.Duration, now func() time.Time, log *slog.Logger) {
	timer := time.NewTimer(spread(settle))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		next, err := keeper.KeepAlive(ctx)
		if err != nil && ctx.Err() == nil {
			log.Debug("logins cannot be kept alive now", "err", err)
		}
		timer.Reset(spread(pause(next, now())))
	}
}

// pause returns how long to wait for a moment.
func pause(next, now time.Time) time.Duration {
	if next.IsZero() {
		return atMost
	}
	return min(max(next.Sub(now), atLeast), atMost)
}

// spread adds up to a fifth, so that brokers that were started together do not stay together.
func spread(d time.Duration) time.Duration { return d + rand.N(d/5) }
