package keysource

import "context"

// Cache keeps the unwrapped data key for a session, outside of this process, so that a passphrase is asked for once and a
// slow source is used once. It holds what a source has unwrapped, by a name that changes whenever the wrapped key does: a
// key that was rotated, or wrapped anew, is never found under an old name. Implementations are safe for concurrent use.
type Cache interface {
	// Get returns a key that was put, unless it has been dropped since. The caller may overwrite what it gets.
	Get(ctx context.Context, id string) ([]byte, bool)
	// Put hands over a copy of a key. A cache that takes none returns nil: an error is for what went wrong, and keeps
	// nobody from using the key.
	Put(ctx context.Context, id string, key []byte) error
	// Keep drops every key but that of one name, which the cache need not have.
	Keep(ctx context.Context, id string) error
}
