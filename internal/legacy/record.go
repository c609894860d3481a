package legacy

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"authsome"
)

// Kinds of records, as the keys have them.
const (
	kindClient     = "client"
	kindMetadata   = "metadata"
	kindState      = "state"
	kindConnection = "connection"
)

// recordKey is a key taken apart.
type recordKey struct {
	profile, provider, kind string
	name                    string // of a connection
}

// parseRecordKey takes a key apart. It reports false for keys that hold no record of a profile.
func parseRecordKey(key string) (k recordKey, ok bool) {
	parts := strings.SplitN(key, ":", 5)
	if len(parts) < 4 || parts[0] != "profile" {
		return k, false
	}
	k = recordKey{profile: parts[1], provider: parts[2], kind: parts[3]}
	if len(parts) == 5 {
		k.name = parts[4]
	}
	switch k.kind {
	case kindConnection:
		return k, k.provider != "" && k.name != ""
	case kindClient, kindMetadata, kindState:
		return k, k.provider != "" && len(parts) == 4
	}
	return k, false
}

// errRefused says that the key does not open a record: it is another one's, or the record is damaged.
var errRefused = errors.New("it does not open with the key: it is damaged, or was made with another one")

// open decrypts a value.
func (k storeKey) open(value string) ([]byte, error) {
	first, second, found := strings.Cut(value, ".")
	if !found {
		return nil, errors.New("it is damaged: it has no nonce")
	}
	nonce, err := base64.StdEncoding.DecodeString(first)
	if err != nil || len(nonce) != k.aead.NonceSize() {
		return nil, errors.New("it is damaged: its nonce is none")
	}
	sealed, err := base64.StdEncoding.DecodeString(second)
	if err != nil {
		return nil, errors.New("it is damaged: it is not base64")
	}
	plain, err := k.aead.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, errRefused
	}
	return plain, nil
}

// schemaVersion is that of the records of the 0.2 generation.
const schemaVersion = 2

// decode reads a record into out. Its errors do not show what is in it.
func decode(plain []byte, out any) error {
	var header struct {
		SchemaVersion *int `json:"schema_version"`
	}
	if err := json.Unmarshal(plain, &header); err != nil {
		return errors.New("it is damaged: it is no JSON object")
	}
	version := 1 // the first generation wrote none
	if header.SchemaVersion != nil {
		version = *header.SchemaVersion
	}
	if version != schemaVersion {
		return fmt.Errorf("it has schema_version %d, not %d", version, schemaVersion)
	}
	if err := json.Unmarshal(plain, out); err != nil {
		if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			kind, _, _ := strings.Cut(mistyped.Value, " ") // of a number, the value follows
			return fmt.Errorf("it is damaged: %s is a JSON %s", mistyped.Field, kind)
		}
		return errors.New("it is damaged")
	}
	return nil
}

type connectionRecord struct {
	AuthType     string   `json:"auth_type"`
	Status       string   `json:"status"`
	BaseURL      string   `json:"base_url"`
	Scopes       []string `json:"scopes"`
	AccessToken  secret   `json:"access_token"`
	RefreshToken secret   `json:"refresh_token"`
	TokenType    string   `json:"token_type"`
	ExpiresAt    moment   `json:"expires_at"`
	ObtainedAt   moment   `json:"obtained_at"`
	APIKey       secret   `json:"api_key"`
	Account      struct {
		ID    string `json:"id"`
		Label string `json:"label"`
	} `json:"account"`
}

type clientRecord struct {
	ClientID     string `json:"client_id"`
	ClientSecret secret `json:"client_secret"`
	BaseURL      string `json:"base_url"`
}

type metadataRecord struct {
	DefaultConnection string `json:"default_connection"`
}

type stateRecord struct {
	LastRefreshAt    moment `json:"last_refresh_at"`
	LastRefreshError string `json:"last_refresh_error"`
}

func (r connectionRecord) connection(k recordKey) (Connection, error) {
	c := Connection{
		Provider: k.provider, Name: k.name, AuthType: r.AuthType, Status: r.Status, BaseURL: r.BaseURL, Scopes: r.Scopes,
		AccessToken: r.AccessToken.Secret, RefreshToken: r.RefreshToken.Secret, APIKey: r.APIKey.Secret, TokenType: r.TokenType,
		ObtainedAt: r.ObtainedAt.Time, ExpiresAt: r.ExpiresAt.Time,
		Account: authsome.Account{ID: r.Account.ID, Label: r.Account.Label},
	}
	switch {
	case r.AuthType != string(authsome.AuthTypeOAuth2) && r.AuthType != string(authsome.AuthTypeAPIKey):
		return c, fmt.Errorf("its auth_type is %q", r.AuthType)
	case r.AuthType == string(authsome.AuthTypeAPIKey) && c.APIKey.IsZero(),
		r.AuthType == string(authsome.AuthTypeOAuth2) && c.AccessToken.IsZero() && c.RefreshToken.IsZero():
		return c, errors.New("it holds no credential")
	}
	return c, nil
}

// secret is a member that must not be seen.
type secret struct{ authsome.Secret }

// UnmarshalJSON takes a string, or null for none.
func (s *secret) UnmarshalJSON(b []byte) error {
	var value string
	if err := json.Unmarshal(b, &value); err != nil {
		return err
	}
	s.Secret = authsome.NewSecret(value)
	return nil
}

// moment is a time as the old program wrote it: RFC 3339, or without a zone, which means UTC.
type moment struct{ time.Time }

// UnmarshalJSON takes a string, or null for the zero time.
func (m *moment) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil || text == "" {
		return err
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			m.Time = t.UTC()
			return nil
		}
	}
	return errors.New("it is no time")
}
