package local

import (
	"encoding/json"
	"fmt"
	"time"

	"authsome"
	"authsome/internal/leanjson"
	"authsome/vault"
)

// schemaVersion is the version of the records below. A reader keeps the fields it does not know, so a newer version
// that only adds fields needs no new number.
const schemaVersion = 1

// connectionRecord is what the vault holds of one connection.
type connectionRecord struct {
	SchemaVersion int               `json:"schema_version"`
	AuthType      authsome.AuthType `json:"auth_type"`
	Flow          authsome.Flow     `json:"flow"`
	Invalid       bool              `json:"invalid,omitempty"` // the provider refused it for good
	BaseURL       string            `json:"base_url,omitempty"`

	// TokenURL and ClientID are the endpoint and the client that the refresh token was issued by. It goes to nobody
	// else (RFC 6749 section 10.4), also when the definition is edited.
	TokenURL string `json:"token_url,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// RevocationURL is where the tokens were to be revoked by what was known at the login.
	RevocationURL string `json:"revocation_url,omitempty"`
	// IntrospectionURL is where the tokens were to be asked about by what was known at the login.
	IntrospectionURL string `json:"introspection_url,omitempty"`
	// DynamicClient says that nobody knows the client's secret: it was registered for this login, RFC 7591.
	DynamicClient bool `json:"dynamic_client,omitempty"`

	AccessToken  sealed   `json:"access_token"` // or the API key
	RefreshToken sealed   `json:"refresh_token,omitzero"`
	TokenType    string   `json:"token_type,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
	Requested    []string `json:"requested_scopes,omitempty"`
	// Public are values of the credential that are no secret, such as a user name.
	Public map[authsome.FieldName]string `json:"public,omitempty"`
	// Fields are the other values that the credential, or its renewal, consists of: a user name, a private key.
	Fields  map[authsome.FieldName]sealed `json:"fields,omitempty"`
	DPoPKey sealed                        `json:"dpop_key,omitzero"` // the private key that the tokens are bound to, PKCS #8 in PEM
	Subject string                        `json:"subject,omitempty"` // PROVIDER/CONNECTION whose token is exchanged
	APIHost string                        `json:"api_host,omitempty"`
	Account authsome.Account              `json:"account,omitzero"`
	Guard   authsome.Guard                `json:"guard,omitzero"`

	Generation       uint64    `json:"generation"`
	ObtainedAt       time.Time `json:"obtained_at"`
	ExpiresAt        time.Time `json:"expires_at,omitzero"`
	Lifetime         int64     `json:"lifetime,omitempty"` // seconds
	RefreshExpiresAt time.Time `json:"refresh_expires_at,omitzero"`
	ClockSkew        int64     `json:"clock_skew,omitempty"` // seconds, as authsome.Connection has it

	Login   loginLife `json:"login,omitzero"`
	Noticed noticed   `json:"noticed,omitzero"`

	Refresh refreshState `json:"refresh,omitzero"`

	ref     authsome.Ref
	version uint64 // of the vault's record
	// passedOver says that a command must name the connection although it is called default, see holding.passesOver.
	passedOver bool
	unknown    unknownFields
}

// refreshState remembers the last attempt, so that all processes act on it.
type refreshState struct {
	LastAt        time.Time `json:"last_at,omitzero"`
	Reason        string    `json:"reason,omitempty"` // empty after a success
	Description   string    `json:"description,omitempty"`
	Failures      int       `json:"failures,omitempty"` // in a row
	NextAttemptAt time.Time `json:"next_attempt_at,omitzero"`
	// IntentAt is set before a refresh token is sent and cleared when the outcome is stored. Found set by the holder of
	// the lock, it says that a process died in between.
	IntentAt time.Time `json:"intent_at,omitzero"`
	// AnswerLost is set when the refresh token was sent and no answer was understood: the provider may have rotated it.
	AnswerLost bool `json:"answer_lost,omitempty"`
	// RefusedClient is the fingerprint of the client that was refused. Another fingerprint is a corrected secret.
	RefusedClient string `json:"refused_client,omitempty"`
}

// registrationRecord is what the vault holds of an OAuth client.
type registrationRecord struct {
	SchemaVersion int       `json:"schema_version"`
	ClientID      string    `json:"client_id"`
	ClientSecret  sealed    `json:"client_secret,omitzero"`
	RedirectURI   string    `json:"redirect_uri,omitempty"`
	CreatedAt     time.Time `json:"created_at"`

	// What follows is there for a client that was registered on the spot, RFC 7591.
	Dynamic           bool                `json:"dynamic,omitempty"`
	Issuer            string              `json:"issuer,omitempty"` // that it is registered with; it is used with no other
	AuthMethod        authsome.ClientAuth `json:"auth_method,omitempty"`
	SecretExpiresAt   time.Time           `json:"secret_expires_at,omitzero"`
	RegistrationURL   string              `json:"registration_url,omitempty"`  // registration_client_uri, RFC 7592
	RegistrationToken sealed              `json:"registration_token,omitzero"` // registration_access_token, RFC 7592
	Metadata          json.RawMessage     `json:"metadata,omitempty"`          // as the server returned it, without secrets

	version uint64
	unknown unknownFields
}

// settingsRecord is what a profile has chosen for a provider.
type settingsRecord struct {
	SchemaVersion     int                     `json:"schema_version"`
	DefaultConnection authsome.ConnectionName `json:"default_connection,omitempty"`
	ClientID          string                  `json:"client_id,omitempty"` // the registration that new logins use

	// Server is what discovery found at the last login that used it. It is kept here, sealed, and not in a file, because
	// it says where secrets are sent.
	Server       *authsome.OAuth `json:"server,omitempty"`
	DiscoveredAt time.Time       `json:"discovered_at,omitzero"`

	version uint64
	unknown unknownFields
}

// sealed is a Secret that encodes its value. It exists for the records above, which leave this package only through
// the vault; everywhere else it is as silent as a Secret.
type sealed struct{ authsome.Secret }

// MarshalJSON returns the value itself.
func (s sealed) MarshalJSON() ([]byte, error) { return json.Marshal(s.Reveal()) }

// MarshalText returns the value itself.
func (s sealed) MarshalText() ([]byte, error) { return []byte(s.Reveal()), nil }

// UnmarshalJSON takes the value itself.
func (s *sealed) UnmarshalJSON(b []byte) error {
	var value string
	if err := json.Unmarshal(b, &value); err != nil {
		return err
	}
	s.Secret = authsome.NewSecret(value)
	return nil
}

// unknownFields are members of a record that this version does not know. They are written back as they were found.
type unknownFields map[string]json.RawMessage

// decodeRecord reads a vault record into out, which points to one of the record types, and returns what out has no
// field for.
func decodeRecord(rec vault.Record, out any) (unknownFields, error) {
	unknown, err := leanjson.Decode(rec.Value, out)
	if err != nil {
		return nil, fmt.Errorf("the record %s: %w: %w", rec.Key, vault.ErrCorrupt, err)
	}
	return unknown, nil
}

// encodeRecord is the inverse of decodeRecord.
func encodeRecord(in any, unknown unknownFields) ([]byte, error) {
	b, err := json.Marshal(in)
	if err != nil || len(unknown) == 0 {
		return b, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	for name, value := range unknown {
		all[name] = value
	}
	return json.Marshal(all)
}

func decodeConnection(rec vault.Record) (*connectionRecord, error) {
	ref, ok := parseConnectionKey(rec.Key)
	if !ok {
		return nil, fmt.Errorf("the record %s: %w: not a connection", rec.Key, vault.ErrCorrupt)
	}
	c := &connectionRecord{ref: ref, version: rec.Version}
	var err error
	c.unknown, err = decodeRecord(rec, c)
	return c, err
}

func decodeRegistration(rec vault.Record) (*registrationRecord, error) {
	r := &registrationRecord{version: rec.Version}
	var err error
	r.unknown, err = decodeRecord(rec, r)
	return r, err
}

func decodeSettings(rec vault.Record) (*settingsRecord, error) {
	s := &settingsRecord{version: rec.Version}
	var err error
	s.unknown, err = decodeRecord(rec, s)
	return s, err
}

// change returns what stores the record in place of the version it was read from.
func (c *connectionRecord) change() (vault.Change, error) {
	value, err := encodeRecord(c, c.unknown)
	return vault.Change{Key: connectionKey(c.ref), Value: value, Prev: c.version}, err
}

func (r *registrationRecord) change(p authsome.ProfileName, name authsome.ProviderName) (vault.Change, error) {
	value, err := encodeRecord(r, r.unknown)
	return vault.Change{Key: registrationKey(p, name, r.ClientID), Value: value, Prev: r.version}, err
}

func (s *settingsRecord) change(p authsome.ProfileName, name authsome.ProviderName) (vault.Change, error) {
	value, err := encodeRecord(s, s.unknown)
	return vault.Change{Key: settingsKey(p, name), Value: value, Prev: s.version}, err
}
