package local

import (
	"context"
	"time"
)

// watchInterval is how soon a process learns of what another one wrote: a revocation has to be felt within a second. A
// look costs some 20 µs, see BenchmarkStamp in internal/sqlite.
const watchInterval = 250 * time.Millisecond

// Changed returns a channel that receives whenever any process has written the vault, until ctx ends. Programs that
// keep credentials in memory, as the proxy does, drop them then.
func (l *Layer) Changed(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	last, _ := l.vault.Stamp(ctx) // before the caller goes on, so that nothing is missed that it does not know
	go l.watch(ctx, last, changed)
	return changed
}

func (l *Layer) watch(ctx context.Context, last string, changed chan<- struct{}) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		stamp, err := l.vault.Stamp(ctx)
		if err != nil || stamp == last {
			continue
		}
		last = stamp
		select {
		case changed <- struct{}{}:
		default: // one is waiting already
		}
	}
}
