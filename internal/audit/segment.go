package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// defaultMaxSize is the size at which a log goes on in a new file: more than a year of a busy laptop.
const defaultMaxSize = 64 << 20

// A log that has grown goes on in a new file. The old one is kept beside it, as NAME-SEQ.log with the number of its last
// entry, and the chain runs through all of them.

// segments returns the files of a log that exist, oldest first.
func segments(path string) ([]string, error) {
	ext := filepath.Ext(path)
	old, err := filepath.Glob(globLiteral(strings.TrimSuffix(path, ext)) + "-*" + ext)
	if err != nil {
		return nil, err
	}
	old = slices.DeleteFunc(old, func(name string) bool { return segmentNumber(path, name) == "" })
	slices.Sort(old)
	if _, err := os.Lstat(path); err == nil {
		old = append(old, path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return old, nil
}

// segmentNumber returns the number in the name of a former file of the log at path, or "".
func segmentNumber(path, name string) string {
	ext := filepath.Ext(path)
	number := strings.TrimSuffix(strings.TrimPrefix(name, strings.TrimSuffix(path, ext)+"-"), ext)
	if len(number) != 16 || strings.Trim(number, "0123456789") != "" {
		return ""
	}
	return number
}

func segmentName(path string, seq uint64) string {
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s-%016d%s", strings.TrimSuffix(path, ext), seq, ext)
}

// globLiteral makes a pattern that matches the path alone. Backslashes are separators on Windows, so classes are used.
func globLiteral(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}

// lastLink returns what the last entry of a file says of its place in the chain, and what follows it in the file. Without
// such an entry the whole file follows the beginning.
func lastLink(f *os.File, size int64) (link, []byte, error) {
	const block = 4 << 10
	for n := int64(block); ; n *= 8 {
		n = min(n, size)
		b := make([]byte, n)
		if _, err := f.ReadAt(b, size-n); err != nil && !errors.Is(err, io.EOF) {
			return link{}, nil, err
		}
		if l, gap, ok := findLast(b, n == size); ok || n == size {
			return l, gap, nil
		}
	}
}

// findLast looks for the last linked line that is in b as a whole. Whole says that b begins where a line does.
func findLast(b []byte, whole bool) (l link, gap []byte, ok bool) {
	for end := len(b); ; {
		end = bytes.LastIndexByte(b[:end], '\n') + 1
		if end == 0 {
			return link{}, b, false
		}
		begin := bytes.LastIndexByte(b[:end-1], '\n') + 1
		if begin == 0 && !whole {
			return link{}, nil, false
		}
		if l, _, ok := parseLink(b[begin:end]); ok {
			return l, b[end:], true
		}
		end--
	}
}
