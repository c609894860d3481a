// Package legacytest writes homes as the Python authsome 0.2 does, for tests. The names of files, tables and members, and
// the words, are those of its source.
package legacytest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // registers the driver
)

// Home is what is to be written.
type Home struct {
	Key            [32]byte
	DefaultProfile string            // "default" if empty
	Mode           string            // of the encryption; local_key if empty
	Records        map[string]Record // by their keys, such as profile:default:github:connection:work
	Raw            map[string]string // values as they lie in the table, by their keys
	Definitions    map[string]string // the user's own, by name
	Profiles       []string          // besides those that records are of
}

// Record is a JSON object.
type Record map[string]any

// ConnectionKey is the key of a connection's record.
func ConnectionKey(profile, provider, connection string) string {
	return "profile:" + profile + ":" + provider + ":connection:" + connection
}

// Key is the key of a record of the kind client, metadata or state.
func Key(profile, provider, kind string) string {
	return "profile:" + profile + ":" + provider + ":" + kind
}

// OAuth is a connection with tokens. A zero expiry is written as null.
func OAuth(profile, provider, connection, access, refresh string, obtained, expires time.Time, scopes ...string) Record {
	r := connectionRecord(profile, provider, connection, "oauth2", obtained)
	r["access_token"], r["refresh_token"], r["token_type"], r["scopes"] = access, refresh, "Bearer", scopes
	if refresh == "" {
		r["refresh_token"] = nil
	}
	if !expires.IsZero() {
		r["expires_at"] = timestamp(expires)
	}
	return r
}

// APIKey is a connection with a key.
func APIKey(profile, provider, connection, key string, obtained time.Time) Record {
	r := connectionRecord(profile, provider, connection, "api_key", obtained)
	r["api_key"] = key
	return r
}

func connectionRecord(profile, provider, connection, authType string, obtained time.Time) Record {
	return Record{
		"schema_version": 2, "provider": provider, "profile": profile, "connection_name": connection,
		"auth_type": authType, "status": "connected", "base_url": nil, "host_url": nil, "scopes": nil,
		"access_token": nil, "refresh_token": nil, "token_type": nil, "expires_at": nil, "obtained_at": timestamp(obtained),
		"api_key": nil, "account": Record{"id": nil, "label": nil}, "metadata": Record{},
	}
}

// Client is the OAuth client that a profile has at a provider.
func Client(profile, provider, id, secret string) Record {
	return Record{
		"schema_version": 2, "profile": profile, "provider": provider, "client_id": id, "client_secret": secret,
		"base_url": nil, "host_url": nil, "scopes": []string{"read"}, "metadata": Record{},
	}
}

// Metadata says which connections there are.
func Metadata(profile, provider, defaultConnection string, connections ...string) Record {
	return Record{
		"schema_version": 2, "profile": profile, "provider": provider, "default_connection": defaultConnection,
		"connection_names": connections, "last_used_connection": nil, "metadata": Record{},
	}
}

// State says how the last refresh at a provider went; failure is empty after a success.
func State(profile, provider string, at time.Time, failure string) Record {
	r := Record{
		"schema_version": 2, "profile": profile, "provider": provider, "last_refresh_at": timestamp(at),
		"last_refresh_error": nil, "metadata": Record{},
	}
	if failure != "" {
		r["last_refresh_error"] = failure
	}
	return r
}

// timestamp is a time as pydantic writes it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// Write writes the home into a directory.
func (h Home) Write(dir string) error {
	profile, mode := h.DefaultProfile, h.Mode
	if profile == "" {
		profile = "default"
	}
	if mode == "" {
		mode = "local_key"
	}
	files := map[string]any{
		"config.json": Record{"spec_version": 1, "default_profile": profile, "encryption": Record{"mode": mode}},
		"version":     2,
	}
	if mode == "local_key" {
		files["master.key"] = Record{
			"version": 1, "key": base64.StdEncoding.EncodeToString(h.Key[:]), "algorithm": "AES-256-GCM",
			"note": "Local master key for authsome. Protect this file.",
		}
	}
	for name, content := range files {
		if err := writeJSON(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	for name, content := range h.Definitions {
		if err := write(filepath.Join(dir, "providers", name+".json"), []byte(content)); err != nil {
			return err
		}
	}
	return h.writeProfiles(dir)
}

func (h Home) writeProfiles(dir string) error {
	rows := make(map[string]map[string]string) // by profile, then key
	for _, p := range h.Profiles {
		rows[p] = nil
	}
	add := func(key, value string) {
		profile := strings.Split(key, ":")[1]
		if rows[profile] == nil {
			rows[profile] = make(map[string]string)
		}
		rows[profile][key] = value
	}
	for key, rec := range h.Records {
		value, err := h.Seal(rec)
		if err != nil {
			return err
		}
		add(key, value)
	}
	for key, value := range h.Raw {
		add(key, value)
	}
	for profile, values := range rows {
		at := filepath.Join(dir, "profiles", profile)
		if err := writeJSON(filepath.Join(at, "metadata.json"), Record{"name": profile}); err != nil {
			return err
		}
		if values == nil {
			continue
		}
		if err := writeStore(filepath.Join(at, "store.db"), values); err != nil {
			return err
		}
	}
	return nil
}

// Seal encrypts a record.
func (h Home) Seal(rec Record) (string, error) {
	plain, err := json.Marshal(rec)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(h.Key[:])
	if err != nil {
		return "", err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	sealed := aead.Seal(nil, nonce, plain, nil)
	return base64.StdEncoding.EncodeToString(nonce) + "." + base64.StdEncoding.EncodeToString(sealed), nil
}

func writeStore(path string, values map[string]string) error {
	source := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		"PRAGMA journal_mode=WAL", "CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
	} {
		if _, err := db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for key, value := range values {
		if _, err := db.Exec("INSERT OR REPLACE INTO kv (key, value) VALUES (?, ?)", key, value); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func writeJSON(path string, content any) error {
	b, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	return write(path, append(b, '\n'))
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}
