// Package audit keeps the audit log: one JSON object per line, appended, never rewritten, in <home>/audit.log.
//
// Use [Open] and [Log.Record] where an entry must be written before the next step, [Log.Buffered] where the caller
// must not touch the disk, and [Read] to see what happened.
//
// It promises that entries of several processes never mix, because each entry, or batch of entries, is appended by one
// write; that a line torn by a crash costs only itself, because the next writer starts a new line; and that no value,
// however odd, can forge an entry or steer a terminal, because control characters are escaped when they are written.
// It does not know secrets: whoever builds an [authsome.Event] leaves them out.
package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

	path string
}

var _ authsome.Recorder = (*Log)(nil)

// Open returns the log at path. The file is opened at each write, and created with mode 0600 by the first.
func Open(path string) *Log { return &Log{path: path} }

// Record appends one event. When it returns nil the entry survives the death of the process, though not that of the
// machine.
func (l *Log) Record(e authsome.Event) error {
	_, err := l.write(appendEntry(nil, e, l.now()))
	return err
}

// Check reports why the log cannot be written to, or nil. It creates the file when there is none.
func (l *Log) Check() error {
	f, err := l.open()
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	return f.Close()
}

func (l *Log) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

// write appends whole lines by one write and returns how many bytes of them are in the file.
func (l *Log) write(lines []byte) (n int, err error) {
	f, err := l.open()
	if err != nil {
		return 0, fmt.Errorf("open audit log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	mend := 0
	if torn(f) {
		lines = append([]byte{'\n'}, lines...)
		mend = 1
	}
	n, err = f.Write(lines)
	if err != nil {
		return max(n-mend, 0), fmt.Errorf("append to audit log: %w", err)
	}
	return n - mend, nil
}

func (l *Log) open() (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_APPEND
	f, err := os.OpenFile(l.path, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(l.path), 0o700); err == nil {
			f, err = os.OpenFile(l.path, flags, 0o600)
		}
	}
	return f, err
}

// torn reports whether the last line lacks its end. Seeing another process's write half done is harmless: it costs an
// empty line, which readers pass over.
func torn(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}
