// Package trust finds the file in which a project says what runs in it may do, and remembers which of these files a person
// has read and agreed to: by content, so that a file that changes must be agreed to again. Begin with [Find] and [Open].
//
// A file could loosen what the last one said, and anything that may write in the project may write it; so nothing in it counts
// before a person has said so, and a run does not start in the meantime.
package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"authsome/internal/atomicfile"
)

// Dir and File name the file, below the project's directory.
const (
	Dir  = ".authsome"
	File = "run.jsonc"
)

// State is what is known about a file.
type State string

// The states of a file.
const (
	Trusted State = "trusted"
	Changed State = "changed" // it was trusted, with another content
	Missing State = "missing" // it was trusted, and is gone
	Unknown State = "unknown"
)

// Entry is a file that has been agreed to.
type Entry struct {
	Path      string    `json:"-"`
	SHA256    string    `json:"sha256"`
	TrustedAt time.Time `json:"trusted_at"`
}

// List is the list of files that have been agreed to.
type List struct {
	path  string
	files map[string]Entry
}

// Open reads a list. One that does not exist is empty.
func Open(path string) (*List, error) {
	l := &List{path: path, files: make(map[string]Entry)}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of trusted files: %w", err)
	}
	doc := struct {
		Files map[string]Entry `json:"files"`
	}{l.files}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("read the list of trusted files, %s: %w", path, err)
	}
	for name, e := range doc.Files {
		e.Path = name
		l.files[name] = e
	}
	return l, nil
}

// State says what is known about the file at path, which has this content.
func (l *List) State(path string, content []byte) State {
	switch e, ok := l.files[path]; {
	case !ok:
		return Unknown
	case e.SHA256 != digest(content):
		return Changed
	default:
		return Trusted
	}
}

// Add agrees to a file with this content.
func (l *List) Add(path string, content []byte, now time.Time) error {
	l.files[path] = Entry{Path: path, SHA256: digest(content), TrustedAt: now.UTC().Truncate(time.Second)}
	return l.write()
}

// Remove takes a file off the list; it reports whether it was on it.
func (l *List) Remove(path string) (bool, error) {
	if _, ok := l.files[path]; !ok {
		return false, nil
	}
	delete(l.files, path)
	return true, l.write()
}

// All returns the entries, ordered by path.
func (l *List) All() []Entry {
	all := make([]Entry, 0, len(l.files))
	for _, e := range l.files {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return all
}

func (l *List) write() error {
	b, err := json.MarshalIndent(map[string]any{"files": l.files}, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(l.path, append(b, '\n')); err != nil {
		return fmt.Errorf("write the list of trusted files: %w", err)
	}
	return nil
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Find returns the path of the file that holds for a directory: the nearest one upward, up to the root of a repository, and
// below home, which is nobody's project. Beyond that, only a file on the list counts, present or not: to begin a repository
// below it, or to delete it, does not end what it says. Empty: there is none.
func (l *List) Find(dir, home string) (string, error) {
	dir, err := resolved(dir)
	if err != nil {
		return "", err
	}
	if home != "" {
		if home, err = resolved(home); err != nil {
			home = ""
		}
	}
	inside := true
	for {
		path := filepath.Join(dir, Dir, File)
		if _, ok := l.files[path]; ok || inside && dir != home && exists(path) {
			return path, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil
		}
		inside = inside && dir != home && !isRepository(dir)
		dir = parent
	}
}

// Path returns the path under which the list knows the file that name stands for: the file itself, or a project's directory.
func Path(name string) (string, error) {
	if filepath.Base(name) == File {
		dir, err := resolved(filepath.Dir(filepath.Dir(absolute(name))))
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, filepath.Base(filepath.Dir(absolute(name))), File), nil
	}
	dir, err := resolved(name)
	return filepath.Join(dir, Dir, File), err
}

// resolved returns the one path of a directory. A directory that is gone has the path that it was written with.
func resolved(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return abs, nil
	}
	return real, err
}

func absolute(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

// exists reports whether there is anything at path. What cannot be looked at counts, so that it is an error later on.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

func isRepository(dir string) bool {
	return slices.ContainsFunc([]string{".git", ".hg", ".jj"}, func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	})
}
