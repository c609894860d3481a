package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

const (
	dirPrefix = "child-"      // of the directory of one run
	lockName  = "lock"        // in it; locked while the run lives
	startLock = "child.start" // beside them; locked while one is made or cleared away
)

// Files are what one run keeps on disk, in a directory of its own. Nothing in them is secret.
type Files struct {
	Paths
	dir  string
	lock *flock.Flock
}

// Prepare clears away what runs that were killed have left in runDir, then writes the files for a child whose parent
// has the given environment. runDir is made if there is none. Close the Files when the child has ended.
func Prepare(runDir string, caPEM []byte, parent []string) (*Files, error) {
	dir, lock, err := makeDir(runDir)
	if err != nil {
		return nil, fmt.Errorf("prepare the run's files: %w", err)
	}
	f := &Files{dir: dir, lock: lock, Paths: pathsIn(dir)}
	if err := f.write(caPEM, parent); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the run's files: %w", err), f.Close())
	}
	return f, nil
}

func pathsIn(dir string) Paths {
	return Paths{
		Bundle: filepath.Join(dir, "bundle.pem"), CA: filepath.Join(dir, "ca.pem"), WGETRC: filepath.Join(dir, "wgetrc"),
		Node: filepath.Join(dir, "node.cjs"), Python: filepath.Join(dir, "python"), PHP: filepath.Join(dir, "php"),
	}
}

func (f *Files) write(caPEM []byte, parent []string) error {
	roots, err := systemRoots(parent)
	if err != nil {
		return err
	}
	bundle := append(roots, caPEM...)
	if hasJava(parent) { // it takes longer than all the rest
		f.Java = filepath.Join(f.dir, "java.p12")
		store, err := trustStore(bundle)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.Java, store, 0o600); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(f.CA, caPEM, 0o600),
		os.WriteFile(f.Bundle, bundle, 0o600),
		os.WriteFile(f.WGETRC, wgetrc(parent, f.Bundle), 0o600),
		f.writePreloads(),
	)
}

// Close removes the files. Closing again does nothing.
func (f *Files) Close() error {
	// Windows does not remove a file that is open, and elsewhere nobody minds: the directory has no other user.
	err := errors.Join(f.lock.Unlock(), os.RemoveAll(f.dir))
	if err != nil {
		return fmt.Errorf("remove the run's files: %w", err)
	}
	return nil
}

// makeDir makes the directory of a run and marks it as alive. The start lock keeps another process from taking the new
// directory for a dead one before it is marked.
func makeDir(runDir string) (dir string, alive *flock.Flock, err error) {
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return "", nil, err
	}
	start := flock.New(filepath.Join(runDir, startLock))
	if err := start.Lock(); err != nil {
		return "", nil, fmt.Errorf("lock %s: %w", runDir, err)
	}
	defer start.Unlock() //nolint:errcheck // closing the file unlocks it
	clearDead(runDir)
	if dir, err = os.MkdirTemp(runDir, dirPrefix); err != nil {
		return "", nil, err
	}
	alive = flock.New(filepath.Join(dir, lockName))
	if err := alive.Lock(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), os.RemoveAll(dir))
	}
	return dir, alive, nil
}

// clearDead removes the directories whose run has died: their lock can be had. What cannot be removed is left to the
// next run.
func clearDead(runDir string) {
	entries, err := os.ReadDir(runDir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), dirPrefix) {
			continue
		}
		dir := filepath.Join(runDir, e.Name())
		lock := flock.New(filepath.Join(dir, lockName))
		if ok, err := lock.TryLock(); ok || errors.Is(err, fs.ErrNotExist) {
			_ = lock.Unlock()
			_ = os.RemoveAll(dir)
		}
	}
}
