package keysource

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"authsome/vault"
)

const (
	// filePrefix begins the one line of a key file; the key in base64 follows.
	filePrefix = "authsome-key-v1 "
	// maxFileSize is more than any key file has.
	maxFileSize = 256
	// maxOldFileSize is more than any key file of the Python generation has.
	maxOldFileSize = 1024
)

// file is the source of a key that lies in a file.
type file struct {
	path string
}

var _ vault.KeySource = file{}

// File returns the source for a key file. The file is made, with mode 0600, when something is wrapped for the first
// time, and never in order to unwrap. One that others may read is refused.
func File(path string) vault.KeySource { return file{path: path} }

// Name implements [vault.KeySource].
func (file) Name() string { return "file" }

// Wrap implements [vault.KeySource]. It makes the key file if there is none.
func (f file) Wrap(_ context.Context, dataKey []byte) ([]byte, error) {
	key, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		if err = f.create(); err == nil {
			key, err = f.read() // ours, or that of a process that was faster
		}
	}
	if err != nil {
		return nil, f.failed(err)
	}
	return key.wrap(dataKey)
}

// Unwrap implements [vault.KeySource].
func (f file) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	key, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: %w", f.path, vault.ErrWrongKey, ErrMissing)
	}
	if err != nil {
		return nil, f.failed(err)
	}
	dataKey, err := key.unwrap(wrapped)
	if err != nil {
		return nil, fmt.Errorf("with %s: %w", f.path, err)
	}
	return dataKey, nil
}

func (f file) failed(err error) error {
	return fmt.Errorf("master key %s: %w: %w", f.path, vault.ErrUnavailable, err)
}

func (f file) read() (masterKey, error) {
	r, err := os.Open(f.path)
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
	if exposed(info.Mode()) {
		return masterKey{}, fmt.Errorf("%w: its mode is %04o; run: chmod 600 %s", ErrExposed, info.Mode().Perm(), f.path)
	}
	content, err := io.ReadAll(io.LimitReader(r, maxOldFileSize+1))
	if err != nil {
		return masterKey{}, err
	}
	return parse(content)
}

// parse reads the content of a key file. Its errors never quote it.
func parse(content []byte) (masterKey, error) {
	if len(content) == 0 {
		return masterKey{}, fmt.Errorf("%w: it is empty", ErrMalformed)
	}
	if len(content) > maxOldFileSize || len(content) > maxFileSize && content[0] != '{' {
		return masterKey{}, fmt.Errorf("%w: it is longer than a key file can be", ErrMalformed)
	}
	if content[0] == '{' {
		return parseOld(content)
	}
	text, ok := strings.CutPrefix(string(content), filePrefix)
	if !ok {
		return masterKey{}, fmt.Errorf("%w: it does not begin with %q", ErrMalformed, filePrefix)
	}
	return decode(strings.TrimRight(text, "\r\n"))
}

// parseOld reads the key file of the Python generation 0.2, which has the same name and may lie in the same home. Its key
// is as good as one of ours, and is not replaced, because the old store needs it.
func parseOld(content []byte) (masterKey, error) {
	var doc struct {
		Key string `json:"key"`
	}
	if json.Unmarshal(content, &doc) != nil || doc.Key == "" {
		return masterKey{}, fmt.Errorf("%w: it is a JSON object without a key", ErrMalformed)
	}
	return decode(doc.Key)
}

// create makes the key file. It comes into being complete and only where there is none, because a link is made to a
// finished file: of processes that race, all but one find that the name is taken, which is as good.
func (f file) create() error {
	dir := filepath.Dir(f.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name, err := writeNewKey(dir)
	if err != nil {
		return err
	}
	err = os.Link(name, f.path)
	if removeErr := os.Remove(name); err == nil {
		err = removeErr
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// writeNewKey writes a fresh key to a new file in dir, with mode 0600, and returns its name.
func writeNewKey(dir string) (name string, err error) {
	var secret [KeySize]byte
	_, _ = rand.Read(secret[:]) // never fails
	defer clear(secret[:])
	w, err := os.CreateTemp(dir, ".master-key-*")
	if err != nil {
		return "", err
	}
	_, err = w.WriteString(filePrefix + base64.StdEncoding.EncodeToString(secret[:]) + "\n")
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
