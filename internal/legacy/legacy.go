// Package legacy reads what the Python authsome of the 0.2 generation has stored. Use [Read].
//
// It never writes there: not even SQLite's files of a database in use come into being, since a copy is what is opened.
// Nothing is taken for granted: what cannot be read is a [Problem], and the rest is read.
//
// # The layout
//
//	config.json                 {default_profile, encryption: {mode: "local_key" or "keyring"}}
//	master.key                  {version: 1, key: base64 of 32 bytes, algorithm: "AES-256-GCM"}
//	providers/NAME.json         the user's own definitions
//	profiles/P/metadata.json    {name, …}
//	profiles/P/store.db         SQLite, table kv(key, value)
//
// A key is profile:P:PROVIDER:client, …:metadata, …:state or …:connection:NAME. A value is base64(nonce) "." base64(
// ciphertext and tag), AES-256-GCM without associated data; in it is a JSON object with schema_version 2.
package legacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"authsome"
	"authsome/internal/jsonfault"
)

// Names in the old home.
const (
	configFile   = "config.json"
	keyFile      = "master.key"
	providersDir = "providers"
	profilesDir  = "profiles"
	storeFile    = "store.db"
)

// Store is what the old home holds, decrypted.
type Store struct {
	DefaultProfile string // as config.json has it; "default" if it says nothing
	Profiles       []Profile
	Definitions    []Definition
	Problems       []Problem
}

// Profile is what one profile has.
type Profile struct {
	Name        string
	Clients     []Client
	Connections []Connection
	Defaults    map[string]string // the default connection, by provider
}

// Client is a record of an OAuth client.
type Client struct {
	Provider     string
	ClientID     string
	ClientSecret authsome.Secret
	BaseURL      string
}

// Connection is a record of a connection, with what the record of its provider's state adds. Times are UTC; zero means
// unknown or never.
type Connection struct {
	Provider     string
	Name         string
	AuthType     string // oauth2 or api_key
	Status       string // connected, expired, revoked or invalid
	BaseURL      string
	Scopes       []string
	AccessToken  authsome.Secret
	RefreshToken authsome.Secret
	APIKey       authsome.Secret
	TokenType    string
	ObtainedAt   time.Time
	ExpiresAt    time.Time
	Account      authsome.Account

	LastRefreshAt     time.Time // of any connection of the provider
	LastRefreshFailed bool
}

// Definition is one of the user's own provider definitions, as it was found.
type Definition struct {
	Name    string
	Content []byte
}

// Problem is something that could not be read.
type Problem struct {
	Profile  string // empty: it belongs to none
	Provider string // empty: it belongs to none
	Name     string // of the connection or the record; what kind of record otherwise
	Err      error
}

// ErrNoStore says that there is no old home at a place.
var ErrNoStore = errors.New("there is no store of authsome 0.2")

// Exists reports whether a directory holds a store of the 0.2 generation.
func Exists(dir string) bool {
	names, err := directories(filepath.Join(dir, profilesDir))
	return err == nil && slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, profilesDir, name, storeFile))
		return err == nil
	})
}

// Read reads a home of the 0.2 generation. keyring returns the key that the system's keyring holds; it is asked only
// when the home says so or has no key file. Read fails with [ErrNoStore], or with [authsome.KindVaultUnavailable] when
// the key is missing or opens nothing.
func Read(ctx context.Context, dir string, keyring func(context.Context) (authsome.Secret, error)) (*Store, error) {
	if !Exists(dir) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoStore)
	}
	s := &Store{DefaultProfile: "default"}
	cfg := s.readConfig(dir)
	key, err := readKey(ctx, dir, cfg.Encryption.Mode, keyring)
	if err != nil {
		return nil, err
	}
	names, err := directories(filepath.Join(dir, profilesDir))
	if err != nil {
		return nil, err
	}
	r := &reader{store: s, key: key}
	for _, name := range names {
		if err := r.readProfile(ctx, dir, name); err != nil {
			return nil, err
		}
	}
	if r.refused > 0 && r.opened == 0 {
		return nil, &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: fmt.Sprintf("%s does not open the store in %s", key.origin, dir),
			Hint: "restore the key that the store was made with",
		}
	}
	return s, s.readDefinitions(filepath.Join(dir, providersDir))
}

// config is what matters of config.json.
type config struct {
	DefaultProfile string `json:"default_profile"`
	Encryption     struct {
		Mode string `json:"mode"`
	} `json:"encryption"`
}

func (s *Store) readConfig(dir string) (cfg config) {
	content, err := readFile(filepath.Join(dir, configFile))
	if err == nil {
		if err = json.Unmarshal(content, &cfg); err != nil {
			err = errors.New(jsonfault.Explain(content, err))
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Problems = append(s.Problems, Problem{Name: configFile, Err: err})
	}
	if cfg.DefaultProfile != "" {
		s.DefaultProfile = cfg.DefaultProfile
	}
	return cfg
}

func (s *Store) readDefinitions(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", dir, err)
	}
	for _, e := range entries {
		name, isJSON := strings.CutSuffix(e.Name(), ".json")
		if e.IsDir() || !isJSON || strings.HasPrefix(name, ".") {
			continue
		}
		content, err := readFile(filepath.Join(dir, e.Name()))
		if err != nil {
			s.Problems = append(s.Problems, Problem{Provider: name, Name: "definition", Err: err})
			continue
		}
		s.Definitions = append(s.Definitions, Definition{Name: name, Content: content})
	}
	return nil
}

// directories returns the names of the directories in dir, in order.
func directories(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// maxFileSize is more than any file but the store itself has, in bytes.
const maxFileSize = 1 << 20

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil, fmt.Errorf("%s is no file, or larger than %d bytes", path, maxFileSize)
	}
	return os.ReadFile(path)
}
