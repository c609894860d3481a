package sqlite

import (
	"context"
	"fmt"
	"os"
)

// Stamp implements [vault.Stamper]. SQLite's data version tells of the writes of others, a counter of our own, and the
// state of the file of its being replaced. The time of the last change alone would not do: two writes within one tick
// of the file system's clock have the same.
func (s *Store) Stamp(ctx context.Context) (string, error) {
	var version int64
	info, err := os.Stat(s.path)
	if err == nil {
		version, err = queryOne[int64](ctx, s.db, "PRAGMA data_version")
	}
	if err != nil {
		return "", failed(ctx, "watch "+s.path, err)
	}
	return fmt.Sprintf("%d.%d.%d.%d", version, s.writes.Load(), info.ModTime().UnixNano(), info.Size()), nil
}
