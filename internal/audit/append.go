package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"authsome/internal/atomicfile"
)

// write links whole lines and appends them by one write. All of them are in the file when it returns nil, and none
// otherwise.
func (l *Log) write(lines []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	unlock, err := l.lock()
	if err != nil {
		return fmt.Errorf("lock audit log: %w", err)
	}
	defer unlock()
	f, err := l.open()
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	last, size, err := l.appendTo(f, lines)
	_ = f.Close() // before it is renamed: Windows renames no open file
	if err != nil {
		return fmt.Errorf("append to audit log: %w", err)
	}
	if size >= l.maxSize() {
		// The entries are recorded: a failure is none of theirs, or they would be written again. The next write tries once more.
		_ = os.Rename(l.path, segmentName(l.path, last.seq))
	}
	return nil
}

// maxSpare bounds the memory that is kept for the next batch.
const maxSpare = 1 << 20

// appendTo links and appends lines to the open file and moves the head. It returns the last of them, and how large the file
// is then. The lock is held.
func (l *Log) appendTo(f *os.File, lines []byte) (last link, size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return link{}, 0, err
	}
	keys := l.chainKeys()
	last, gap, doubt, err := l.last(f, info.Size(), keys)
	if err != nil {
		return link{}, 0, err
	}
	if doubt != "" {
		lines = append(headLost(doubt, l.now()), lines...)
	}
	out := l.spare[:0]
	chain := keys.linker()
	if len(gap) > 0 && gap[len(gap)-1] != '\n' { // a crash, or a full disk, has torn it
		out = append(out, '\n')
		gap = append(gap, '\n')
	}
	for line := range bytes.Lines(lines) {
		out, last = chain.append(out, last, gap, line)
		gap = nil
	}
	if l.spare = out; cap(out) > maxSpare {
		l.spare = nil
	}
	if _, err := f.Write(out); err != nil {
		return link{}, 0, errors.Join(err, f.Truncate(info.Size()))
	}
	head := keys.sign(last, l.now())
	if err := writeHead(l.headPath(), head); err != nil {
		return link{}, 0, errors.Join(fmt.Errorf("write the head: %w", err), f.Truncate(info.Size()))
	}
	l.wrote = head
	l.testify(head)
	return last, info.Size() + int64(len(out)), nil
}

// last returns what the next entry continues from, what follows that in the file, and what is wrong with the head. Where the
// file begins anew, or its end is missing, the entry is the one that head or witness speaks of, if that is the log's own: a
// number is never given twice. A log that begins gets a head first, so that one without a head has lost it.
func (l *Log) last(f *os.File, size int64, keys chainKeys) (last link, gap []byte, doubt string, err error) {
	last, gap, err = lastLink(f, size)
	if err != nil {
		return link{}, nil, "", err
	}
	head, err := readHead(l.headPath())
	doubt = l.doubt(head, err, last, keys)
	if err == nil && head.Seq > last.seq && (!keys.has() || keys.check(head) == nil) {
		last = link{seq: head.Seq, chain: head.Chain}
	}
	if further, ok := l.outrun(last, keys); ok {
		last = further
	}
	if last.seq == 0 && keys.has() {
		if err := writeHead(l.headPath(), keys.sign(link{}, l.now())); err != nil {
			return link{}, nil, "", fmt.Errorf("write the head: %w", err)
		}
	}
	return last, gap, doubt, nil
}

// chainKeys returns the keys of the chain, or none when they cannot be had now.
func (l *Log) chainKeys() chainKeys {
	if l.keys.has() || l.Key == nil {
		return l.keys
	}
	secret, err := l.Key()
	if err != nil {
		return chainKeys{}
	}
	if l.keys, err = newKeys([]byte(secret.Reveal())); err != nil {
		return chainKeys{}
	}
	return l.keys
}

func (l *Log) maxSize() int64 {
	if l.MaxSize > 0 {
		return l.MaxSize
	}
	return defaultMaxSize
}

// headSuffix makes the name of a head of the name of its log.
const headSuffix = ".head"

// HeadPath returns where the head of the log at path lies.
func HeadPath(path string) string { return path + headSuffix }

func (l *Log) headPath() string { return HeadPath(l.path) }

// lock lets one process write, or verify, at a time.
func (l *Log) lock() (unlock func(), err error) {
	return atomicfile.Lock(filepath.Join(filepath.Dir(l.path), "run", "audit.lock"))
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
