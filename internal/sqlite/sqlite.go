// Package sqlite is the [vault.Store] of one machine: a database file that many processes use at once. Use [Open].
//
// It promises what [vault.Store] asks for: a write that has returned is on the disk, whatever happens next; a process
// that dies in the middle of a write is undone by the next one that opens the file; and a file that is not a whole
// vault is refused and left alone.
//
// # The journal
//
// The database uses SQLite's rollback journal, truncated at each commit, with synchronous=FULL. Most of its users are
// processes that live for milliseconds: the write-ahead log would have each of them make and delete two more files, and
// a home without write permission could not be read at all. Truncating, unlike deleting, syncs the end of the journal
// itself, so that a commit survives a power cut without syncing the directory, and lets readers go on with one stat.
//
// # One file, one opener
//
// Do not open the file of a store in the same process by other means: on POSIX systems closing any descriptor of a
// file drops all locks the process holds on it, SQLite's among them.
package sqlite

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"authsome/vault"
)

// Options configure a store. The zero Options work.
type Options struct {
	// LockDir is the directory of the lock files; the path of the database with ".locks" appended if empty. It is
	// made with mode 0700 when the first lock is taken.
	LockDir string
	// Witness is the file that says a second time how far the database has got, apart from it; none if empty.
	Witness string
}

// Store is a database file. It implements [vault.Store], and what a store can do besides.
type Store struct {
	path    string
	lockDir string
	witness string
	db      *connection
	writes  atomic.Uint64 // by this store, for Stamp

	mu    sync.Mutex                  // guards turns
	turns map[vault.Key]chan struct{} // who of this store may ask for a lock file
}

var (
	_ vault.Store   = (*Store)(nil)
	_ vault.Stamper = (*Store)(nil)
	_ vault.Awaiter = (*Store)(nil)
	_ vault.Marker  = (*Store)(nil)
	_ vault.Witness = (*Store)(nil)
)

// Open opens a database file and makes it, with mode 0600 and its directory with mode 0700, if it is missing or still
// empty. A file without write permission can be read. Open fails with [vault.ErrCorrupt], [vault.ErrUnavailable] or
// [vault.ErrNewer].
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w: %w", path, vault.ErrUnavailable, err)
	}
	s := &Store{path: path, lockDir: opts.LockDir, witness: opts.Witness, db: &connection{source: dataSource(path)}, turns: make(map[vault.Key]chan struct{})}
	if s.lockDir == "" {
		s.lockDir = path + ".locks"
	}
	if err := s.prepare(ctx); err != nil {
		_ = s.db.close()
		return nil, failed(ctx, "open "+path, err)
	}
	return s, nil
}

// Close closes the database. Locks stay with their holders.
func (s *Store) Close() error { return s.db.close() }

// dataSource names the database to the driver. mode=rw keeps SQLite from making the file itself, which it would do
// with the mode that the umask leaves; cell_size_check notices more kinds of damage.
func dataSource(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // a drive letter
		path = "/" + path
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: "mode=rw&_txlock=immediate&_busy_timeout=10000" +
		"&_journal_mode=TRUNCATE&_synchronous=FULL&_pragma=cell_size_check(1)"}
	return u.String()
}

// createFile makes an empty file with its final mode, if there is none.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}
