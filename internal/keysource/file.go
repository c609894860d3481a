package keysource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"authsome/internal/atomicfile"
	"authsome/internal/shell"
	"authsome/vault"
)

const (
	// filePrefix begins the one line of a key file; the key in base64 follows.
	filePrefix = "authsome-key-v1 "
	// maxFileSize is more than any key file has.
	maxFileSize = 256
)

// besideForeign is the name of a key file whose own name was taken.
const besideForeign = "vault.key"

// errForeign says that a file is the key of another program.
var errForeign = errors.New("it is the key of authsome 0.2")

// file is the source of a key that lies in a file.
type file struct {
	path      string
	inEnviron bool // the key was in the environment, and may have come to lie in the file
}

var _ vault.KeySource = file{}

// File returns the source for a key file. The file is made, with mode 0600, when something is wrapped for the first
// time, and never in order to unwrap. One that others may read is refused.
//
// A home may hold what authsome 0.2 left there, whose key file has the same name and is a JSON object. That one stays as
// it is, since it alone opens the old store; ours then lies beside it, as vault.key, and goes on to be used when the
// old one has been deleted.
func File(path string) vault.KeySource { return file{path: path} }

// FilePath returns where the key of [File] is, or would be made.
func FilePath(path string) string {
	f := file{path: path}
	if _, err := f.readAt(path); f.taken(err) {
		return f.beside()
	}
	return path
}

// Name implements [vault.KeySource].
func (file) Name() string { return string(FileKind) }

// Wrap implements [vault.KeySource]. It makes the key file if there is none.
func (f file) Wrap(_ context.Context, dataKey []byte) ([]byte, error) {
	key, path, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(path); err == nil {
			key, path, err = f.read() // ours, or that of a process that was faster
		}
	}
	if err != nil {
		return nil, failed(path, err)
	}
	return key.wrap(dataKey)
}

// Unwrap implements [vault.KeySource].
func (f file) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	key, path, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.missing(path)
	}
	if err != nil {
		return nil, failed(path, err)
	}
	dataKey, err := key.unwrap(wrapped)
	if err != nil {
		return nil, misfit(path, "", err)
	}
	return dataKey, nil
}

// missing says where the key is to be found that is not there.
func (f file) missing(path string) error {
	p := &Problem{Message: "the master key " + path + " is missing", Err: fmt.Errorf("%w: %w", vault.ErrWrongKey, ErrMissing)}
	if f.inEnviron {
		p.Message = "the key of this vault is in " + EnvMasterKey + ", which is not set"
		p.Advice = "set " + EnvMasterKey + " to the key that the vault was made with"
	}
	return p
}

// failed says what keeps the key at path from being used, and what to do where that is known.
func failed(path string, err error) error {
	advice := "check that the disk is writable and not full, and that the file belongs to you"
	switch {
	case errors.Is(err, ErrExposed):
		advice = "chmod 600 " + shell.Word(path)
	case errors.Is(err, ErrMalformed):
		advice = "put the right " + filepath.Base(path) + " back: without it the vault cannot be opened, and authsome restore makes one anew"
	}
	return unavailable("master key "+path, advice, err)
}

// read returns the key and where it lies, or was looked for.
func (f file) read() (masterKey, string, error) {
	key, err := f.readAt(f.path)
	if !f.taken(err) {
		return key, f.path, err
	}
	key, err = f.readAt(f.beside())
	return key, f.beside(), err
}

// taken reports whether the key is to be looked for beside its usual place, after err was found there: another program's
// key has the name, or had it when ours was made.
func (f file) taken(err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		_, statErr := os.Lstat(f.beside())
		return statErr == nil
	}
	return errors.Is(err, errForeign)
}

func (f file) beside() string { return filepath.Join(filepath.Dir(f.path), besideForeign) }

func (f file) readAt(path string) (masterKey, error) {
	r, err := atomicfile.Open(path)
	if err != nil {
		return masterKey{}, err
	}
	defer func() { _ = r.Close() }()
	info, err := r.Stat()
	if err != nil {
		return masterKey{}, err
	}
	if !info.Mode().IsRegular() {
		return masterKey{}, fmt.Errorf("%w: it is not a file", ErrMalformed)
	}
	content, err := io.ReadAll(io.LimitReader(r, maxFileSize+1))
	if err != nil {
		return masterKey{}, err
	}
	if path == f.path && isForeign(content) {
		return masterKey{}, errForeign
	}
	if exposed(info.Mode()) {
		return masterKey{}, fmt.Errorf("%w: its mode is %04o", ErrExposed, info.Mode().Perm())
	}
	return parse(content)
}

// isForeign reports whether a key file is that of authsome 0.2, whole or damaged: it begins as a JSON object does.
func isForeign(content []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) }

// parse reads the content of a key file. Its errors never quote it.
func parse(content []byte) (masterKey, error) {
	if len(content) == 0 {
		return masterKey{}, fmt.Errorf("%w: it is empty", ErrMalformed)
	}
	if len(content) > maxFileSize {
		return masterKey{}, fmt.Errorf("%w: it is longer than a key file can be", ErrMalformed)
	}
	text, ok := strings.CutPrefix(string(content), filePrefix)
	if !ok {
		return masterKey{}, fmt.Errorf("%w: it does not begin with %q", ErrMalformed, filePrefix)
	}
	return decode(strings.TrimRight(text, "\r\n"))
}

// create makes the key file. It comes into being complete and only where there is none, because a link is made to a
// finished file: of processes that race, all but one find that the name is taken, which is as good.
func create(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name, err := writeNewKey(dir)
	if err != nil {
		return err
	}
	err = os.Link(name, path)
	if removeErr := atomicfile.Remove(name); err == nil {
		err = removeErr
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return atomicfile.SyncDir(dir)
}

// writeNewKey writes a fresh key to a new file in dir, with mode 0600, and returns its name.
func writeNewKey(dir string) (name string, err error) {
	w, err := os.CreateTemp(dir, ".master-key-*")
	if err != nil {
		return "", err
	}
	_, err = w.WriteString(newKeyLine() + "\n")
	if err == nil {
		err = w.Sync()
	}
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(w.Name())
		return "", err
	}
	return w.Name(), nil
}

// removedSuffix is what the name of a key file gets before it is overwritten: a process that is killed then must not leave a
// file of zeros where a key is looked for.
const removedSuffix = ".removed"

// remove overwrites and removes the key file. On a file system that writes elsewhere, or keeps snapshots, the old bytes
// stay; nobody can do better from here.
func (f file) remove() error {
	_, path, err := f.read()
	if err == nil {
		err = atomicfile.Rename(path, path+removedSuffix)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(path, err)
	}
	if err := destroy(path + removedSuffix); err != nil { // also what a killed process has left
		return failed(path, err)
	}
	return nil
}

// destroy overwrites and removes a file, if there is one.
func destroy(path string) error {
	if err := overwrite(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := atomicfile.Remove(path); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// overwrite replaces the content of a file in place by as many zeros.
func overwrite(path string) (err error) {
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	info, err := w.Stat()
	if err != nil {
		return err
	}
	if _, err := w.Write(make([]byte, info.Size())); err != nil {
		return err
	}
	return w.Sync()
}
