package legacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"authsome"
)

// schemaVersion is that of the records of the 0.2 generation.
const schemaVersion = 2

// Login is a connection of the old store, with the OAuth client that it was made with.
type Login struct {
	authsome.ImportedLogin
	// Problem says why the record cannot be used; nil: it can.
	Problem error
}

// connection is a record as it was written.
type connection struct {
	SchemaVersion int               `json:"schema_version"`
	AuthType      string            `json:"auth_type"`
	Status        string            `json:"status"`
	BaseURL       string            `json:"base_url"`
	Scopes        []string          `json:"scopes"`
	AccessToken   string            `json:"access_token"`
	RefreshToken  string            `json:"refresh_token"`
	APIKey        string            `json:"api_key"`
	TokenType     string            `json:"token_type"`
	ExpiresAt     string            `json:"expires_at"`
	ObtainedAt    string            `json:"obtained_at"`
	Account       *authsome.Account `json:"account"`
}

type client struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	BaseURL      string `json:"base_url"`
}

type metadata struct {
	DefaultConnection string `json:"default_connection"`
}

// Logins reads every connection of a profile, in the order of their names. One that cannot be read has a Problem; the
// others are not harmed by it.
func (s *Store) Logins(ctx context.Context, profile string) ([]Login, error) {
	sealed, err := s.records(ctx, profile)
	if err != nil {
		return nil, err
	}
	var logins []Login
	for key := range sealed {
		rest, ok := strings.CutPrefix(key, "profile:"+profile+":")
		provider, name, found := strings.Cut(rest, ":connection:")
		if !ok || !found {
			continue
		}
		ref := authsome.Ref{
			Profile: authsome.ProfileName(profile), Provider: authsome.ProviderName(provider), Connection: authsome.ConnectionName(name),
		}
		logins = append(logins, s.login(sealed, ref, key))
	}
	slices.SortFunc(logins, func(a, b Login) int { return strings.Compare(a.Ref.String(), b.Ref.String()) })
	return logins, nil
}

func (s *Store) login(sealed map[string]string, ref authsome.Ref, key string) Login {
	login := Login{ImportedLogin: authsome.ImportedLogin{Ref: ref}}
	var c connection
	if login.Problem = s.read(sealed[key], &c); login.Problem != nil {
		return login
	}
	if c.SchemaVersion != schemaVersion {
		login.Problem = fmt.Errorf("its schema version is %d, not %d", c.SchemaVersion, schemaVersion)
		return login
	}
	if login.Problem = c.into(&login.ImportedLogin); login.Problem != nil {
		return login
	}
	prefix := "profile:" + string(ref.Profile) + ":" + string(ref.Provider)
	var own client
	if value, there := sealed[prefix+":client"]; there {
		if err := s.read(value, &own); err != nil {
			login.Problem = fmt.Errorf("its OAuth client: %w", err)
			return login
		}
	}
	login.ClientID, login.ClientSecret = own.ClientID, authsome.NewSecret(own.ClientSecret)
	if login.BaseURL == "" {
		login.BaseURL = own.BaseURL
	}
	var meta metadata
	if value, there := sealed[prefix+":metadata"]; there && s.read(value, &meta) == nil {
		login.Default = meta.DefaultConnection == string(ref.Connection)
	}
	return login
}

// read opens a value and decodes it. JSON's own errors would quote it.
func (s *Store) read(value string, into any) error {
	plain, err := s.open(value)
	if err != nil {
		return err
	}
	if json.Unmarshal(plain, into) != nil {
		return errors.New("it is no record: the JSON is malformed")
	}
	return nil
}

// into takes over what a record says.
func (c *connection) into(login *authsome.ImportedLogin) error {
	login.AuthType = authsome.AuthType(c.AuthType)
	login.BaseURL, login.Scopes, login.TokenType = c.BaseURL, c.Scopes, c.TokenType
	login.Value = authsome.NewSecret(c.AccessToken)
	login.RefreshToken = authsome.NewSecret(c.RefreshToken)
	switch login.AuthType {
	case authsome.AuthTypeAPIKey:
		login.Value = authsome.NewSecret(c.APIKey)
	case authsome.AuthTypeOAuth2:
	default:
		return fmt.Errorf("credentials of the kind %q are not supported", c.AuthType)
	}
	if login.Value.IsZero() && login.RefreshToken.IsZero() {
		return errors.New("it holds no credential")
	}
	if c.Account != nil {
		login.Account = *c.Account
	}
	var err1, err2 error
	login.ExpiresAt, err1 = instant(c.ExpiresAt)
	login.ObtainedAt, err2 = instant(c.ObtainedAt)
	return errors.Join(err1, err2)
}

// instant reads a time as Python writes it: with an offset, or without one and in UTC.
func instant(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("a time in it cannot be read")
}
