package debuglog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/gofrs/flock"
)

// rotatingFile appends to path. When a write would make the file larger than maxSize, the file becomes path.1, what was
// path.1 becomes path.2, and so on up to maxFiles.
type rotatingFile struct {
	path     string
	maxSize  int64
	maxFiles int

	mu   sync.Mutex // guards what follows
	file *os.File   // nil until the first write
	err  error      // the first failure
}

var _ io.WriteCloser = (*rotatingFile)(nil)

// Write appends one record. It never fails: there is nobody who could do anything about it, and the copy that goes to
// standard error must not suffer. Close returns what went wrong.
func (r *rotatingFile) Write(record []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = cmp.Or(r.err, r.append(record))
	return len(record), nil
}

// Close closes the file and returns the first failure to write.
func (r *rotatingFile) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.err, r.closeFile())
}

func (r *rotatingFile) append(record []byte) error {
	size, err := r.current()
	if err != nil {
		return fmt.Errorf("open debug log: %w", err)
	}
	if size > 0 && size+int64(len(record)) > r.maxSize {
		if err := r.rotate(int64(len(record))); err != nil {
			return fmt.Errorf("rotate debug log: %w", err)
		}
	}
	if _, err := r.file.Write(record); err != nil {
		return fmt.Errorf("write debug log: %w", err)
	}
	return nil
}

// current sees to it that file is what path names now, and returns its size.
func (r *rotatingFile) current() (int64, error) {
	named, err := os.Stat(r.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if r.file != nil && err == nil {
		opened, err := r.file.Stat()
		if err != nil {
			return 0, err
		}
		if os.SameFile(opened, named) {
			return opened.Size(), nil
		}
	}
	return r.reopen()
}

func (r *rotatingFile) reopen() (int64, error) {
	_ = r.closeFile()
	const flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	f, err := os.OpenFile(r.path, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(r.path), 0o700); err == nil {
			f, err = os.OpenFile(r.path, flags, 0o600)
		}
	}
	if err != nil {
		return 0, err
	}
	r.file = f
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// rotate makes room for a record, unless another process has just done so. The lock is held by one process at a time
// and let go by the kernel when it dies. Where a file that others have open cannot be renamed (Windows), the file goes
// on growing until it can.
func (r *rotatingFile) rotate(need int64) error {
	lock := flock.New(r.path + ".lock")
	if err := lock.Lock(); err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // closing the file unlocks it
	size, err := r.current()
	if err != nil || size+need <= r.maxSize {
		return err
	}
	_ = r.closeFile()
	if err := os.Rename(r.path, r.numbered(0)); err == nil {
		for n := r.maxFiles - 1; n > 0; n-- {
			_ = os.Rename(r.numbered(n-1), r.numbered(n)) // older ones need not exist
		}
	}
	_, err = r.reopen()
	return err
}

// numbered returns the name of the nth file before the current one; 0 is its name while files are being renamed.
func (r *rotatingFile) numbered(n int) string { return r.path + "." + strconv.Itoa(n) }

func (r *rotatingFile) closeFile() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
