package authsome

import "time"

// Status is the state of a connection.
type Status string

// The states of a connection, and what leads out of them.
const (
	// StatusConnected: the credential is usable, or the next access call makes it so.
	StatusConnected Status = "connected"
	// StatusExpired: the access token has expired and could not be renewed. The next refresh that succeeds, or a
	// login, makes it connected again.
	StatusExpired Status = "expired"
	// StatusInvalid: the provider refused the refresh token or the client. Only a login, or a corrected client secret,
	// makes it connected again; until then nothing is sent to the token endpoint.
	StatusInvalid Status = "invalid"
)

// LifeSource says who knows how long a login lasts.
type LifeSource string

// Who knows how long a login lasts.
const (
	LifeFromProvider  LifeSource = "provider"  // it said so when it issued the token
	LifeFromCatalogue LifeSource = "catalogue" // the definition, by what the provider documents
)

// Account says who the connection is at the provider, as far as the provider told.
type Account struct {
	ID    string `json:"id,omitempty"`    // what tells accounts apart
	Label string `json:"label,omitempty"` // what people know it by, such as a name or an e-mail address
}

// Guard says what the proxy of a run lets come back to a program in answers to requests with a connection's credential. The zero
// value lets nothing come back.
type Guard struct {
	Off            bool `json:"off,omitempty"`             // answers are not looked through for the credential
	Cookies        bool `json:"cookies,omitempty"`         // sessions that the credential opens (Set-Cookie, RFC 6265) are let through
	NewCredentials bool `json:"new_credentials,omitempty"` // answers that bring new credentials are let through
}

// Connection describes one login without its secrets. Times are UTC; the zero time means unknown or never.
type Connection struct {
	Ref
	AuthType AuthType
	Flow     Flow
	Status   Status
	Default  bool   // it is the one meant when no connection is named
	BaseURL  string // of a self-hosted provider, as given at login

	APIHost     string   // where the provider said that the API is; empty: where the definition says
	Scopes      []string // as granted, RFC 6749 section 3.3
	Requested   []string // the scopes that were asked for
	TokenType   string   // RFC 6749 section 7.1
	Account     Account
	Guard       Guard
	Public      map[FieldName]string // values of the credential that are no secret, such as a user name
	ObtainedAt  time.Time            // when the present credential was issued
	ExpiresAt   time.Time
	Generation  uint64 // grows by one with every new credential
	Refreshable bool   // a refresh token is stored

	LastRefreshAt    time.Time // the last attempt, successful or not
	LastRefreshError string    // the reason of the last attempt's failure; empty after a success
	ErrorDescription string    // error_description of RFC 6749 section 5.2, when the provider sent one
	NextAttemptAt    time.Time // before it, background users do not call the token endpoint again
	RefreshExpiresAt time.Time // when the provider said the refresh token lapses

	// LoginNeededBy is when a person has to log in again, unless a refresh puts it off or the provider ends the login before:
	// a hint, nothing is decided by it. It is zero where nobody has said.
	LoginNeededBy     time.Time
	LoginNeededSource LifeSource // who has
	// LoginNeededConfidence is how well LoginNeededBy is known where it comes from a definition: A, B or C; empty where the
	// definition does not say.
	LoginNeededConfidence string
	// KeepAliveAt is when a login that disuse would end should be refreshed, whether or not its access token is needed; zero:
	// never, because no such thing is known of it.
	KeepAliveAt time.Time

	// ClockSkew is the token endpoint's clock minus the one of this machine, by the Date header (RFC 9110 section
	// 6.6.1) of its last token answer; 0 if it sent none. Nothing is decided by it.
	ClockSkew time.Duration

	// Warning is set when the credential could not be renewed just now, though what is stored can be shown or used.
	Warning *Error
}
