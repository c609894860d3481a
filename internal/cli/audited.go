package cli

import (
	"context"

	"authsome"
	"authsome/internal/audit"
	"authsome/local"
)

// auditedSource gives out no credential while what a proxy does with it cannot be put on record.
type auditedSource struct {
	authsome.CredentialSource
	trail *audit.Buffer
}

// Credential fails with [authsome.KindDenied] while the last attempt to write the log has failed.
func (s auditedSource) Credential(
	ctx context.Context, ref authsome.Ref, opts authsome.CredentialOptions,
) (*authsome.Credential, error) {
	if err := s.trail.Failing(); err != nil {
		return nil, local.Unaudited(ref, err)
	}
	return s.CredentialSource.Credential(ctx, ref, opts)
}

// either passes on what any of the channels receives, until ctx ends. A nil channel never does.
func either(ctx context.Context, a, b <-chan struct{}) <-chan struct{} {
	out := make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case _, ok := <-a:
				if !ok {
					a = nil
					continue
				}
			case _, ok := <-b:
				if !ok {
					b = nil
					continue
				}
			}
			select {
			case out <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
	return out
}
