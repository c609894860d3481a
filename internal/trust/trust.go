// Package trust finds the file in which a project says what runs in it may do, and remembers which of these files a person
// has read and agreed to: by content, so that a file that changes must be agreed to again. Begin with [Open] and [List.Find].
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

// lockName is the lock file of those who change the list, below the home.
const lockName = "run/trust.lock"

// List is the list of files that have been agreed to. Members of its file that this version does not know are kept.
type List struct {
	path  string
	files map[string]Entry
	all   map[string]json.RawMessage // the members of the file
	raw   map[string]json.RawMessage // the entries as they are in it
}

// Open reads a list. One that does not exist is empty.
func Open(path string) (*List, error) {
	l := &List{path: path}
	return l, l.read()
}

func (l *List) read() error {
	l.files, l.raw, l.all = make(map[string]Entry), make(map[string]json.RawMessage), make(map[string]json.RawMessage)
	b, err := atomicfile.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the list of trusted files: %w", err)
	}
	if err := l.decode(b); err != nil {
		return fmt.Errorf("read the list of trusted files, %s: %w", l.path, err)
	}
	return nil
}

func (l *List) decode(b []byte) error {
	if err := json.Unmarshal(b, &l.all); err != nil {
		return err
	}
	if files, ok := l.all[filesMember]; ok {
		if err := json.Unmarshal(files, &l.raw); err != nil {
			return err
		}
	}
	if l.all == nil || l.raw == nil {
		return errors.New("it is null")
	}
	for name, raw := range l.raw {
		e := Entry{Path: name}
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		l.files[name] = e
	}
	return nil
}

// filesMember is the member of the file that holds the entries.
const filesMember = "files"

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
	e := Entry{Path: path, SHA256: digest(content), TrustedAt: now.UTC().Truncate(time.Second)}
	return l.change(func() (bool, error) {
		raw, err := replaced(l.raw[path], e)
		l.files[path], l.raw[path] = e, raw
		return true, err
	})
}

// Remove takes a file off the list; it reports whether it was on it.
func (l *List) Remove(path string) (found bool, err error) {
	err = l.change(func() (bool, error) {
		_, found = l.files[path]
		delete(l.files, path)
		delete(l.raw, path)
		return found, nil
	})
	return found, err
}

// change reads the list anew, lets do change it, and writes it if do says so, while no other process does the same.
func (l *List) change(do func() (bool, error)) error {
	unlock, err := atomicfile.Lock(filepath.Join(filepath.Dir(l.path), filepath.FromSlash(lockName)))
	if err != nil {
		return fmt.Errorf("lock the list of trusted files: %w", err)
	}
	defer unlock()
	if err := l.read(); err != nil {
		return err
	}
	if changed, err := do(); err != nil || !changed {
		return err
	}
	return l.write()
}

// replaced returns an entry as it is written: over the one before, whose other members stay.
func replaced(before json.RawMessage, e Entry) (json.RawMessage, error) {
	members := make(map[string]json.RawMessage)
	encoded, err := json.Marshal(e)
	if err == nil && before != nil {
		err = json.Unmarshal(before, &members)
	}
	if err == nil {
		err = json.Unmarshal(encoded, &members)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(members)
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
	files, err := json.Marshal(l.raw)
	if err != nil {
		return err
	}
	l.all[filesMember] = files
	b, err := json.MarshalIndent(l.all, "", "  ")
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
