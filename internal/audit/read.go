package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"

	"authsome"
)

// ReadOptions says which entries are wanted. The zero value asks for all.
type ReadOptions struct {
	// Last asks for that many lines from the end; all if zero.
	Last int
	// Keep, if set, says which entries are wanted; Last counts only those then.
	Keep func(*Entry) bool
	// Key returns the secret that the details of entries are sealed with; see [Log]. It is asked for once, at the first
	// entry that needs it. Without it, or when it fails, the details stay sealed.
	Key func() (authsome.Secret, error)
}

// maxLine is longer than any line a Log writes.
const maxLine = 512 << 10

// LineError reports a line that is no entry: torn by a crash, or edited. Reading goes on behind it.
type LineError struct {
	Offset int64 // where in the file the line begins
	Err    error
}

// Error says where the line is and what is wrong with it.
func (e *LineError) Error() string {
	return fmt.Sprintf("unreadable audit entry at byte %d: %v", e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// Read yields the entries of the log at path, oldest first, its former files included. An unreadable line yields a
// [*LineError] and reading goes on; any other error is the last thing that is yielded. A log that does not exist is empty.
// With Last the log is read from its end, so the cost does not grow with it.
func Read(path string, opts ReadOptions) iter.Seq2[Entry, error] {
	if opts.Keep != nil {
		return lastOf(kept(readAll(path, 0, opts.Key), opts.Keep), opts.Last)
	}
	return readAll(path, opts.Last, opts.Key)
}

// kept passes on the entries that are wanted, and every error.
func kept(all iter.Seq2[Entry, error], keep func(*Entry) bool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range all {
			if (err != nil || keep(&e)) && !yield(e, err) {
				return
			}
		}
	}
}

// lastOf passes on the last n of what it is given; everything if n is 0.
func lastOf(all iter.Seq2[Entry, error], n int) iter.Seq2[Entry, error] {
	if n == 0 {
		return all
	}
	return func(yield func(Entry, error) bool) {
		type item struct {
			entry Entry
			err   error
		}
		var items []item
		for e, err := range all {
			if items = append(items, item{e, err}); len(items) >= 2*n {
				items = append(items[:0], items[len(items)-n:]...)
			}
		}
		for _, i := range items[max(0, len(items)-n):] {
			if !yield(i.entry, i.err) {
				return
			}
		}
	}
}

func readAll(path string, last int, key func() (authsome.Secret, error)) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		parts, err := wanted(path, last)
		defer func() {
			for _, p := range parts {
				_ = p.file.Close()
			}
		}()
		if err != nil {
			yield(Entry{}, fmt.Errorf("read audit log: %w", err))
			return
		}
		details := &opener{key: key}
		for _, p := range parts {
			if !readFrom(p.file, p.start, details, yield) {
				return
			}
		}
	}
}

// part is a file of a log from some place on.
type part struct {
	file  *os.File
	start int64
}

// wanted opens the files that hold the last n lines, oldest first; all files if n is 0.
func wanted(path string, n int) ([]part, error) {
	names, err := segments(path)
	if err != nil {
		return nil, err
	}
	var parts []part
	for i := len(names) - 1; i >= 0; i-- {
		f, err := os.Open(names[i])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return parts, err
		}
		p := part{file: f}
		left := n
		if n > 0 {
			if p.start, left, err = tail(f, n); err != nil {
				return append(parts, p), err
			}
		}
		parts = slices.Insert(parts, 0, p)
		if n > 0 && left == 0 {
			break
		}
		n = left
	}
	return parts, nil
}

// readFrom yields what a file holds from some place on, and reports whether more is wanted.
func readFrom(f *os.File, start int64, details *opener, yield func(Entry, error) bool) bool {
	r := bufio.NewReaderSize(io.NewSectionReader(f, start, 1<<62), maxLine)
	for at := start; ; {
		line, size, err := nextLine(r)
		begin := at
		at += size
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			yield(Entry{}, fmt.Errorf("read audit log: %w", err))
			return false
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			var e Entry
			problem := errTooLong
			if !errors.Is(err, bufio.ErrBufferFull) {
				problem = e.UnmarshalJSON(text)
			}
			if problem != nil {
				e, problem = Entry{}, &LineError{Offset: begin, Err: problem}
			} else {
				details.open(&e, text)
			}
			if !yield(e, problem) {
				return false
			}
		}
		if errors.Is(err, io.EOF) {
			return true
		}
	}
}

var errTooLong = errors.New("the line is too long")

// nextLine returns the next line and how many bytes it takes up in the file. The start of a line that does not fit the
// buffer is returned with bufio.ErrBufferFull, and the whole of it is passed over.
func nextLine(r *bufio.Reader) (line []byte, size int64, err error) {
	line, err = r.ReadSlice('\n')
	size = int64(len(line))
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, size, err
	}
	line = bytes.Clone(line[:64])
	for rest := err; errors.Is(rest, bufio.ErrBufferFull); {
		var more []byte
		more, rest = r.ReadSlice('\n')
		size += int64(len(more))
		if rest != nil && !errors.Is(rest, bufio.ErrBufferFull) && !errors.Is(rest, io.EOF) {
			return nil, size, rest
		}
	}
	return line, size, err
}

// tail returns where the last n lines begin, counting from the end in blocks, and how many lines there are too few. Empty
// lines do not count.
func tail(f *os.File, n int) (start int64, left int, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, n, err
	}
	const blockSize = 64 << 10
	block := make([]byte, min(blockSize, info.Size()))
	newline := true // what follows the byte looked at is the end of a line, or of the file
	for end := info.Size(); end > 0; {
		b := block[:min(int64(len(block)), end)]
		end -= int64(len(b))
		if _, err := f.ReadAt(b, end); err != nil && !errors.Is(err, io.EOF) {
			return 0, n, err
		}
		for i := len(b) - 1; i >= 0; i-- {
			if b[i] != '\n' {
				newline = false
				continue
			}
			if !newline {
				if n--; n == 0 {
					return end + int64(i) + 1, 0, nil
				}
			}
			newline = true
		}
	}
	if !newline { // the first line has no end before it
		n--
	}
	return 0, n, nil
}
