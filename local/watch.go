package local

import (
	"context"
	"time"
)

// watchInterval is how soon a process learns of what another one wrote: a revocation has to be felt within a second. A
// look costs some 20 µs, see BenchmarkStamp in internal/sqlite.
const watchInterval = 250 * time.Millisecond

// Changed returns a channel that receives whenever any process has written the vault or a definition, until ctx ends. Programs that
// keep credentials in memory, as the proxy does, drop them then.
func (l *Layer) Changed(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	last, _ := l.stamp(ctx) // before the caller goes on, so that nothing is missed that it does not know
	go l.watch(ctx, last, changed)
	return changed
}

// stamp differs when the vault or one of the user's own definitions has been written.
func (l *Layer) stamp(ctx context.Context) (string, error) {
	vault, err := l.vault.Stamp(ctx)
	return vault + " " + l.catalogue.Stamp(), err
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
		stamp, err := l.stamp(ctx)
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
