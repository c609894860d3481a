package local

import (
	"context"

	"authsome/internal/poll"
)

// Changed returns a channel that receives whenever any process has written the vault or a definition, until ctx ends. Programs that
// keep credentials in memory, as the proxy does, drop them then.
func (l *Layer) Changed(ctx context.Context) <-chan struct{} {
	last, _ := l.stamp(ctx)
	return poll.Changes(ctx, func() bool {
		stamp, err := l.stamp(ctx)
		if err != nil || stamp == last {
			return false
		}
		last = stamp
		return true
	})
}

// stamp differs when the vault or one of the user's own definitions has been written.
func (l *Layer) stamp(ctx context.Context) (string, error) {
	vault, err := l.vault.Stamp(ctx)
	return vault + " " + l.catalogue.Stamp(), err
}
