// Package audit keeps the audit log: one JSON object per line, appended, never rewritten, in <home>/audit.log.
//
// Use [Open] and [Log.Record] where an entry must be written before the next step, [Log.Buffered] where the caller
// must not touch the disk, [Read] to see what happened, and [Log.Verify] to see whether the log is what was written.
//
// It promises that entries of several processes neither mix nor overwrite each other, because one of them writes at a time; that
// an entry for which [Log.Record] has returned nil outlives the process, while a [Buffer] takes along what it has not written
// when its process is killed: the last 50 ms, or more while the disk fails; that a line torn by a crash costs only itself,
// because the next writer starts a new line; that an entry which was changed, removed, put elsewhere or cut off is noticed,
// because each is chained to the one before it by a code that takes the log's key to make, and a signed head says how far the
// log has got, here and once more elsewhere; and that no value, however odd, can forge an entry or steer a terminal, because
// control characters are escaped when they are written. What an entry says beyond event, connection and outcome is sealed, and
// only the owner of the key reads it. It does not know secrets: whoever builds an [authsome.Event] leaves them out.
package audit

import (
	"fmt"
	"os"
	"sync"
	"time"

	"authsome"
)

// Log appends to one audit log. It holds no open file, so there is nothing to close, and moving the file away while a
// process runs does no harm. It is safe for concurrent use by any number of goroutines and processes.
type Log struct {
	// Now stamps events that carry no time; time.Now if nil. Set it before the first use.
	Now func() time.Time
	// OnError is told when a [Buffer] begins to fail to write, once per outage, from the goroutine that writes; it
	// must not call the Buffer. Nobody is told if nil. Set it before Buffered.
	OnError func(error)

	// Key returns the secret of KeySize bytes that the chain is made with. It is asked for before the first entry is
	// written and, after it has failed, before each. Entries are written all the same while it fails: they are then
	// chained by what anybody could compute, and Verify says so. Nil means that there is no key. Set it before the first use.
	Key func() (authsome.Secret, error)
	// MaxSize is the size of the file, in bytes, at which the log goes on in a new one; 64 MiB if zero.
	MaxSize int64
	// Witness is a file apart from the log, outside the directory that the log lies in, that says a second time how far the log has got:
	// so that log and head which were put back or deleted together are noticed. What it says counts only if it is this log's.
	// None if empty. Set it before the first use.
	Witness string

	path string

	mu    sync.Mutex // guards what follows, and lets one goroutine write at a time
	keys  chainKeys
	spare []byte // the memory of an earlier batch
	wrote Head   // the last one of ours, which needs no check
}

var _ authsome.Recorder = (*Log)(nil)

// Open returns the log at path. The file is opened at each write, and created with mode 0600 by the first.
func Open(path string) *Log { return &Log{path: path} }

// Record appends one event. When it returns nil the entry survives the death of the process, though not that of the
// machine.
func (l *Log) Record(e authsome.Event) error {
	return l.write(appendEntry(nil, e, l.now()))
}

// Check reports why the log cannot be written to, or nil. It creates the file when there is none.
func (l *Log) Check() error {
	f, err := l.open()
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	return f.Close()
}

// Freeze calls do with the files of the log, oldest first and the head last, while nobody writes to it.
func (l *Log) Freeze(do func(files []string) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	unlock, err := l.lock()
	if err != nil {
		return fmt.Errorf("lock audit log: %w", err)
	}
	defer unlock()
	files, err := segments(l.path)
	if err != nil {
		return fmt.Errorf("list the files of the audit log: %w", err)
	}
	if _, err := os.Stat(l.headPath()); err == nil {
		files = append(files, l.headPath())
	}
	return do(files)
}

func (l *Log) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}
