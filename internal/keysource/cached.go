package keysource

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"authsome/vault"
)

// cached consults a cache before it troubles the source.
type cached struct {
	source vault.KeySource
	cache  Cache
}

var _ vault.Parametric = cached{}

// withCache returns a source that asks a cache first; the source itself if there is none.
func withCache(source vault.KeySource, cache Cache) vault.KeySource {
	if cache == nil {
		return source
	}
	return cached{source: source, cache: cache}
}

// Name implements [vault.KeySource].
func (c cached) Name() string { return c.source.Name() }

// Parameters implements [vault.Parametric].
func (c cached) Parameters() json.RawMessage { return parametersOf(c.source) }

// Wrap implements [vault.KeySource]. What was wrapped is cached when it is unwrapped for the first time: an envelope is
// tried before it is stored, and what is tried must be the source.
func (c cached) Wrap(ctx context.Context, dataKey []byte) ([]byte, error) {
	return c.source.Wrap(ctx, dataKey)
}

// Unwrap implements [vault.KeySource].
func (c cached) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	id := cacheID(c.source.Name(), wrapped)
	if key, ok := c.cache.Get(ctx, id); ok && len(key) == KeySize {
		return key, nil
	}
	if err := refusal(c.cache); err != nil {
		return nil, err
	}
	key, err := c.source.Unwrap(ctx, wrapped)
	if err == nil {
		_ = c.cache.Put(ctx, id, key) // the source will do again
	}
	return key, err
}

// Retire has the cache drop the keys that a change has put out of use: all but the one that an envelope holds now. They
// still open copies of the vault that were made before.
func (s *Set) Retire(ctx context.Context, current vault.Envelope) error {
	if s.opts.Cache == nil {
		return nil
	}
	return s.opts.Cache.Keep(ctx, cacheID(current.KeySource, current.Wrapped))
}

// refusal returns why a cache that asks a person has not given a key; nil if it has none, or asks nobody. Who was refused
// does not get the same key another way.
func refusal(cache Cache) error {
	if c, ok := cache.(interface{ Refused() error }); ok {
		return c.Refused()
	}
	return nil
}

// cacheID names a wrapped key in a cache. It says nothing of the key.
func cacheID(source string, wrapped []byte) string {
	sum := sha256.Sum256(wrapped)
	return source + ":" + hex.EncodeToString(sum[:])
}

func parametersOf(source vault.KeySource) json.RawMessage {
	if p, ok := source.(vault.Parametric); ok {
		return p.Parameters()
	}
	return nil
}
