package authsome

import (
	"context"
	"time"
)

// AuthLayer is the whole broker. Package authsome/local implements it in this process, over the vault in the user's home; whoever
// uses it must not depend on that.
//
// Every method fails with an [*Error]. Implementations are safe for concurrent use.
type AuthLayer interface {
	CredentialSource
	Logins
	Connections
	Providers
	Profiles
}

// Watcher is an [AuthLayer] that tells when what it hands out may have changed.
type Watcher interface {
	// Changed returns a channel that receives after any process has changed a connection or a definition, until ctx ends. Whoever
	// keeps credentials in memory drops them then.
	Changed(ctx context.Context) <-chan struct{}
}

// Verifier is an [AuthLayer] that can ask a provider about a credential.
type Verifier interface {
	// Verify says whether the provider accepts the stored credential, without refreshing anything. The verdict is
	// [VerdictUnknown] where the provider has nothing to be asked. It fails with [KindUnreachable] when it gives no answer.
	Verify(ctx context.Context, ref Ref) (Verdict, error)
}

// Verdict is what a provider says of a credential.
type Verdict string

// What a provider says of a credential.
const (
	VerdictAccepted Verdict = "accepted"
	VerdictRejected Verdict = "rejected"
	VerdictUnknown  Verdict = "unknown"
)

// Logins makes connections.
type Logins interface {
	// Authorize takes the next step of a login and says what is missing for the one after: see [Authorization]. It fails
	// with [KindProviderNotFound], [KindUsage] or [KindLoginFailed].
	Authorize(ctx context.Context, req LoginRequest) (*Authorization, error)
	// Complete ends a login that Authorize answered with a URL or a Device. redirect is the URL that the authorization
	// server sent the browser to. For a Device it is empty: Complete then asks the server, as often as it allows, until
	// the person has decided, the code has expired, or ctx ends. An older connection of the same name is replaced only
	// when the new one has been stored. It fails with [KindLoginFailed], or [KindCancelled] when the person refused at
	// the provider or ctx ended the wait for a Device.
	Complete(ctx context.Context, id AuthorizationID, redirect string) (*Connection, error)
}

// LoginRequest says who wants to log in where, and how.
type LoginRequest struct {
	Ref         Ref
	Flow        Flow     // the definition's flow if empty
	Scopes      []string // the definition's scopes if empty
	BaseURL     string   // for self-hosted providers
	RedirectURI string   // where the caller listens, once it has been asked to
	Force       bool     // log in although the connection is good
	// AcceptIssuer is the issuer that the person has agreed to, where discovery finds another one than at the last login.
	AcceptIssuer string
	// Subject names the connection whose access token is exchanged, for [FlowTokenExchange]; the zero Ref: the token is
	// among Fields.
	Subject Ref
	// Fields holds what the person, the environment or standard input supplied, by the names that Authorization.Fields
	// asks for. One that is there and empty is an optional one that was left out.
	Fields map[FieldName]Secret
}

// FieldName names something that a person is asked for.
type FieldName string

// What a login may ask a person for.
const (
	FieldClientID     FieldName = "client_id"
	FieldClientSecret FieldName = "client_secret"
	FieldAPIKey       FieldName = "api_key"
	FieldAccessToken  FieldName = "access_token" // for --with-token at an OAuth provider
	FieldBaseURL      FieldName = "base_url"     // the address of a person's own instance
	FieldUsername     FieldName = "username"     // for [FlowBasic]
	FieldPassword     FieldName = "password"
	// FieldAccessKeyID and the next three are for [FlowSigV4], by the names that AWS gives them.
	FieldAccessKeyID     FieldName = "access_key_id"
	FieldSecretAccessKey FieldName = "secret_access_key"
	FieldSessionToken    FieldName = "session_token"
	FieldRegion          FieldName = "region"
	// FieldServiceAccount is the JSON key file of a Google service account, for [AssertionGoogle].
	FieldServiceAccount FieldName = "service_account"
	// FieldAppID and the next two are for [AssertionGitHub].
	FieldAppID          FieldName = "app_id"
	FieldPrivateKey     FieldName = "private_key"
	FieldInstallationID FieldName = "installation_id"
	FieldSubjectToken   FieldName = "subject_token" // for [FlowTokenExchange]
)

// Field describes one thing to ask a person for.
type Field struct {
	Name        FieldName
	Label       string // "API key"
	Secret      bool   // not to be echoed
	Optional    bool
	Env         string // the environment variable that supplies it
	File        bool   // the value is the content of a file: Env holds its path, and a person is asked for that
	Pattern     string // regular expression (RE2) that the value matches in full; empty: anything
	PatternHint string // the pattern in words
}

// AuthorizationID names a login that has begun.
type AuthorizationID string

// Authorization is the next step of a login. Exactly one of Connection, Fields, Redirect, URL and Device is set.
type Authorization struct {
	ID       AuthorizationID
	Provider *Provider

	// Connection: the login is done.
	Connection       *Connection
	AlreadyConnected bool // it was done before; nothing has changed

	// Fields: a person must fill them in. Call Authorize again with them.
	Fields      []Field
	RedirectURI string // what to enter at the provider when the OAuth client is made there

	// Redirect: the browser will be sent back to the caller. Listen at a redirect URI of this kind (or, for
	// [RedirectHTTPSOnly], be ready to ask for the URL), and call Authorize again with it.
	Redirect *Redirect

	// URL: the authorization request, RFC 6749 section 4.1.1; it holds no secret. Visit it, then call Complete with ID and the
	// answer, which is the one that carries State.
	URL   string
	State string

	// Device: the person decides in a browser on any machine. Show it, then call Complete with ID and no redirect.
	Device *DeviceAuthorization
}

// DeviceAuthorization is what a person needs to let a device in, RFC 8628 section 3.2. The device code, which is secret,
// is not part of it.
type DeviceAuthorization struct {
	UserCode        string // to be entered at VerificationURI
	VerificationURI string // https, or http on loopback
	// VerificationURIComplete holds the user code, so that nothing need be typed; empty: there is none. The person is
	// to be shown the other two nevertheless.
	VerificationURIComplete string
	ExpiresAt               time.Time // of the user code
}

// Page returns the URL to send a browser to: VerificationURIComplete, if there is one.
func (d *DeviceAuthorization) Page() string {
	if d.VerificationURIComplete != "" {
		return d.VerificationURIComplete
	}
	return d.VerificationURI
}

// Connections tells about connections and ends them.
type Connections interface {
	// Connection describes one connection. It is an access call: a credential in its refresh window is refreshed first.
	// A refresh that fails is no failure of the call; it is in the Warning.
	Connection(ctx context.Context, ref Ref, opts CredentialOptions) (*Connection, error)
	// List describes all connections of a profile as stored, ordered by provider and name, refreshing nothing.
	List(ctx context.Context, profile ProfileName) ([]Connection, error)
	// SetDefault makes ref the connection meant when none is named.
	SetDefault(ctx context.Context, ref Ref) error
	// Rename gives a connection another name, which must be free.
	Rename(ctx context.Context, ref Ref, to ConnectionName) error
	// SetGuard says what may come back in answers to requests with the connection's credential. A new login undoes it.
	SetGuard(ctx context.Context, ref Ref, guard Guard) error
	// Logout forgets one connection without telling the provider.
	Logout(ctx context.Context, ref Ref) error
	// Revoke takes back at the provider what can be taken back, then deletes locally in any case: one connection, or
	// all of the provider and the registration when ref names none.
	Revoke(ctx context.Context, ref Ref) (*Revocation, error)
}

// Revocation reports what became of each connection that was to be revoked. All are deleted locally.
type Revocation struct {
	Connections []RevokedConnection
	// RegistrationDeleted is set when the OAuth client was forgotten too.
	RegistrationDeleted bool
}

// RevokedConnection is one line of a [Revocation].
type RevokedConnection struct {
	Ref
	Remote  bool   // the provider has confirmed it
	Problem string // why not; empty when Remote is set
}

// Providers tells which definitions there are and changes the user's own.
type Providers interface {
	// Provider returns one definition. It fails with [KindProviderNotFound].
	Provider(ctx context.Context, profile ProfileName, name ProviderName) (*ProviderState, error)
	// Providers returns all definitions, ordered by name, with their connections, and the ones that cannot be read. Of
	// bundled definitions, Name, DisplayName, Category, AuthType, Flow and Source are there; Provider returns all. What is
	// left of a provider whose definition has gone is among them, without a Source.
	Providers(ctx context.Context, profile ProfileName) ([]ProviderState, []BrokenDefinition, error)
	// Discover finds out what is at an https URL, an MCP server (RFC 9728) or an OpenID Connect issuer (RFC 8414), and adds
	// a definition for it to the user's own. When there is one for the URL already, that is returned. It fails with
	// [KindLoginFailed] when the metadata cannot be had or must not be believed.
	Discover(ctx context.Context, url string) (*Provider, error)
	// Register validates a definition (JSON, comments allowed) and adds it to the user's own. Without replace it
	// fails when there is one of that name already.
	Register(ctx context.Context, definition []byte, replace bool) (*Provider, error)
	// Remove deletes connections and registration of a provider, in the given profile, and the definition when it is
	// the user's own. The provider is not contacted.
	Remove(ctx context.Context, profile ProfileName, name ProviderName) error
}

// ProviderState is a definition with what a profile has at that provider.
type ProviderState struct {
	Provider
	Configured  bool // an OAuth client is registered
	Connections []Connection
}

// BrokenDefinition is a definition of the user's own that cannot be used.
type BrokenDefinition struct {
	Name ProviderName
	Path string
	Err  error
}

// Profiles manages the namespaces.
type Profiles interface {
	// ListProfiles returns the names of all profiles in order; [DefaultProfile] is always among them.
	ListProfiles(ctx context.Context) ([]ProfileName, error)
	// CreateProfile adds an empty profile. It fails with [KindUsage] when it exists.
	CreateProfile(ctx context.Context, name ProfileName) error
	// DeleteProfile deletes a profile and everything in it, without telling the providers.
	DeleteProfile(ctx context.Context, name ProfileName) error
}
