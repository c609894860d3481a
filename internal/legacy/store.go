// Package legacy reads the store of the Python generation 0.2 of authsome: a master key, and for each profile a SQLite file
// of sealed records. Use [Open]. It changes nothing there, not even the time of a file's last use by SQLite: a database
// whose journal is not empty is read from a copy.
package legacy

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // registers the driver

	"authsome"
)

// KeySize is the length of the master key in bytes.
const KeySize = 32

// Files of the old home.
const (
	KeyFile      = "master.key"
	ProfilesDir  = "profiles"
	ProvidersDir = "providers"
	databaseFile = "store.db"
)

// ErrNoKey says that the old home has no key file. The key may be in the keyring of the system.
var ErrNoKey = errors.New("there is no key file")

// ParseKey reads a key as the file and the keyring hold it: a JSON object {version, key, algorithm} with the key in
// base64, or the base64 alone. No error shows any of it.
func ParseKey(text authsome.Secret) (authsome.Secret, error) {
	var doc struct {
		Key       string `json:"key"`
		Algorithm string `json:"algorithm"`
	}
	encoded := strings.TrimSpace(text.Reveal())
	if strings.HasPrefix(encoded, "{") {
		if err := json.Unmarshal([]byte(encoded), &doc); err != nil {
			return authsome.Secret{}, errors.New("the master key is not the JSON object that it was written as")
		}
		encoded = doc.Key
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		key, err = base64.URLEncoding.DecodeString(encoded)
	}
	if err != nil || len(key) != KeySize {
		return authsome.Secret{}, fmt.Errorf("the master key is not the base64 of %d bytes", KeySize)
	}
	return authsome.NewSecret(string(key)), nil
}

// ReadKey reads the key file of an old home. It fails with [ErrNoKey] when there is none.
func ReadKey(home string) (authsome.Secret, error) {
	const limit = 4 << 10
	f, err := os.Open(filepath.Join(home, KeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return authsome.Secret{}, ErrNoKey
	}
	if err != nil {
		return authsome.Secret{}, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return authsome.Secret{}, err
	}
	return ParseKey(authsome.NewSecret(string(content)))
}

// Store is an old home with its key.
type Store struct {
	home string
	aead cipher.AEAD
}

// Open returns the store of an old home. Nothing is read yet.
func Open(home string, key authsome.Secret) (*Store, error) {
	block, err := aes.NewCipher([]byte(key.Reveal()))
	if err != nil {
		return nil, errors.New("the master key has the wrong length")
	}
	aead, err := cipher.NewGCM(block)
	return &Store{home: home, aead: aead}, err
}

// Profiles returns the names of the profiles, in order.
func (s *Store) Profiles() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.home, ProfilesDir))
	if err != nil {
		return nil, fmt.Errorf("there is no store of the old generation in %s: %w", s.home, err)
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(s.home, ProfilesDir, e.Name(), databaseFile)); err == nil {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// records returns what a profile's database holds, sealed, by key.
func (s *Store) records(ctx context.Context, profile string) (map[string]string, error) {
	path, cleanUp, err := quiet(filepath.Join(s.home, ProfilesDir, profile, databaseFile))
	if err != nil {
		return nil, err
	}
	defer cleanUp()
	source := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "mode=ro&immutable=1"}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(ctx, "SELECT key, value FROM kv")
	if err != nil {
		return nil, fmt.Errorf("read %s of the profile %s: %w", databaseFile, profile, err)
	}
	defer func() { _ = rows.Close() }()
	all := make(map[string]string)
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, err
		}
		all[key] = value
	}
	return all, rows.Err()
}

// quiet returns a database file that can be read as one that nobody writes: the file itself, or a copy with its
// write-ahead log worked in. What is copied is sealed.
func quiet(path string) (readable string, cleanUp func(), err error) {
	log, err := os.Stat(path + "-wal")
	if err != nil || log.Size() == 0 {
		return path, func() {}, nil //nolint:nilerr // there is no log
	}
	dir, err := os.MkdirTemp("", "authsome-import-")
	if err != nil {
		return "", nil, err
	}
	cleanUp = func() { _ = os.RemoveAll(dir) }
	copied := filepath.Join(dir, databaseFile)
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err == nil {
			err = os.WriteFile(copied+suffix, content, 0o600)
		}
		if err != nil {
			cleanUp()
			return "", nil, err
		}
	}
	db, err := sql.Open("sqlite", copied)
	if err == nil {
		_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)") //nolint:noctx // a file of our own
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		cleanUp()
		return "", nil, err
	}
	return copied, cleanUp, nil
}

// open opens a sealed value: base64 of the nonce, a dot, base64 of ciphertext and tag; AES-256-GCM without associated
// data.
func (s *Store) open(value string) ([]byte, error) {
	first, second, found := strings.Cut(value, ".")
	nonce, err1 := base64.StdEncoding.DecodeString(first)
	sealed, err2 := base64.StdEncoding.DecodeString(second)
	if !found || err1 != nil || err2 != nil || len(nonce) != s.aead.NonceSize() {
		return nil, errors.New("it is damaged: not nonce and ciphertext in base64")
	}
	plain, err := s.aead.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, errors.New("it cannot be opened: it is damaged, or the master key is another one")
	}
	return plain, nil
}
