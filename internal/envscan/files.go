package envscan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// envPrefix begins the names of the files that are read: .env, .env.local, .envrc.
const envPrefix = ".env"

// Limits of a scan. A tree is somebody's work, and may be somebody's whole disk.
const (
	maxDepth       = 12 // directories below the scanned one
	maxDirectories = 20_000
	maxFileSize    = 256 << 10 // bytes
)

// Skipped is something that was not read, and why.
type Skipped struct {
	Path   string // slash-separated, relative to the scanned directory
	Reason string
}

// passedOver are directories with other people's work, or none.
var passedOver = []string{".git", ".hg", ".svn", "node_modules", "vendor", ".venv", "venv", "__pycache__", ".tox"}

// samples end the names of files that are meant to be published, with nothing real in them.
var samples = []string{".example", ".sample", ".template", ".dist"}

// Files reads the .env files of a directory and of those below it, in the order of their paths. Symbolic links are
// followed to files inside the directory only. What cannot be read is skipped, and said.
func Files(ctx context.Context, dir string) ([]Variable, []Skipped, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("scan %s: %w", dir, err)
	}
	defer func() { _ = root.Close() }()
	w := &walk{root: root}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			w.skip(name, err)
			return nil
		}
		return w.visit(name, entry)
	})
	if err != nil && !errors.Is(err, fs.SkipAll) {
		return nil, nil, fmt.Errorf("scan %s: %w", dir, err)
	}
	return w.found, w.skipped, nil
}

type walk struct {
	root        *os.Root
	directories int
	found       []Variable
	skipped     []Skipped
}

func (w *walk) skip(name string, err error) {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err // the path is said already
	}
	w.skipped = append(w.skipped, Skipped{Path: name, Reason: err.Error()})
}

func (w *walk) visit(name string, entry fs.DirEntry) error {
	if entry.IsDir() {
		return w.enter(name)
	}
	base := path.Base(name)
	isSample := slices.ContainsFunc(samples, func(end string) bool { return strings.HasSuffix(base, end) })
	if !strings.HasPrefix(base, envPrefix) || isSample {
		return nil
	}
	content, err := w.read(name)
	if err != nil {
		w.skip(name, err)
		return nil
	}
	for _, v := range Parse(content) {
		v.File = name
		w.found = append(w.found, v)
	}
	return nil
}

// enter decides whether to look into a directory.
func (w *walk) enter(name string) error {
	if name == "." {
		return nil
	}
	w.directories++
	switch {
	case slices.Contains(passedOver, path.Base(name)):
		return fs.SkipDir
	case w.directories > maxDirectories:
		w.skip(name, fmt.Errorf("there are more than %d directories; this and what follows was not looked at", maxDirectories))
		return fs.SkipAll
	case strings.Count(name, "/") >= maxDepth:
		w.skip(name, fmt.Errorf("it lies more than %d directories deep", maxDepth))
		return fs.SkipDir
	}
	return nil
}

// read returns the content of a file. The root refuses what leads out of it.
func (w *walk) read(name string) ([]byte, error) {
	info, err := w.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait
		return nil, errors.New("it is not a file")
	}
	f, err := w.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxFileSize:
		return nil, fmt.Errorf("it is larger than %d KiB", maxFileSize>>10)
	case bytes.IndexByte(content, 0) >= 0:
		return nil, errors.New("it is not text")
	}
	return content, nil
}
