package authsome

import "encoding/json"

// AuthType says what kind of credential a provider takes.
type AuthType string

// The kinds of credential.
const (
	AuthTypeOAuth2 AuthType = "oauth2"
	AuthTypeAPIKey AuthType = "api_key"
	AuthTypeBasic  AuthType = "basic"     // a user name and a password, RFC 7617
	AuthTypeSigV4  AuthType = "aws_sigv4" // a signing key: AWS Signature Version 4
)

// Flow is a way of logging in.
type Flow string

// The flows. An authorization code grant is always protected by PKCE where the server can.
const (
	FlowPKCE              Flow = "pkce"               // authorization code, RFC 6749 section 4.1, RFC 7636, RFC 8252
	FlowDeviceCode        Flow = "device_code"        // RFC 8628
	FlowDCRPKCE           Flow = "dcr_pkce"           // pkce with a client registered on the spot, RFC 7591
	FlowClientCredentials Flow = "client_credentials" // RFC 6749 section 4.4
	FlowJWTBearer         Flow = "jwt_bearer"         // an assertion signed with a private key, RFC 7523 section 2.1
	FlowTokenExchange     Flow = "token_exchange"     // another token in exchange, RFC 8693
	FlowAPIKey            Flow = "api_key"            // a key that the person pastes
	FlowBasic             Flow = "basic"              // a user name and a password that the person enters
	FlowSigV4             Flow = "aws_sigv4"          // an access key ID and a secret access key that the person enters
)

// Source says where a provider definition comes from.
type Source string

// The sources of definitions. A custom one of the same name hides a bundled one.
const (
	SourceBundled Source = "bundled"
	SourceCustom  Source = "custom"
)

// Provider is a definition: an external service and how to authenticate to it. Its JSON form is published as a JSON
// Schema; definitions of the 0.2 generation load unchanged.
type Provider struct {
	SchemaVersion int             `json:"schema_version"`
	Name          ProviderName    `json:"name"`
	DisplayName   string          `json:"display_name"`
	AuthType      AuthType        `json:"auth_type"`
	Flow          Flow            `json:"flow"`
	HostURL       string          `json:"host_url,omitempty"` // one host pattern, as the 0.2 generation wrote it
	Hosts         []string        `json:"hosts,omitempty"`    // further host patterns
	Docs          string          `json:"docs,omitempty"`     // the page that explains how to authenticate
	KeyURL        string          `json:"key_url,omitempty"`  // the page where a key or an OAuth client is made
	Category      string          `json:"category,omitempty"` // what the service is for, such as "model" or "payment"
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	Export        Export          `json:"export,omitzero"`
	OAuth         *OAuth          `json:"oauth,omitempty"`
	APIKey        *APIKey         `json:"api_key,omitempty"`
	Client        *ClientEnv      `json:"client,omitempty"`
	Inject        *Injection      `json:"inject,omitempty"`
	Variants      []Variant       `json:"variants,omitempty"`   // hosts where the credential travels in another way
	Account       *AccountSource  `json:"account,omitempty"`    // how to learn who has logged in
	Confidence    string          `json:"confidence,omitempty"` // how well the facts are known: A, B or C
	AsOf          string          `json:"as_of,omitempty"`      // the month in which they were compared with their sources: 2026-11

	// Notes are what a person ought to know before logging in, a sentence each: "a second login ends the first".
	Notes []string `json:"notes,omitempty"`

	// TokenCommand is the documented command with which the service's own program prints a token or key of the person who
	// is logged in there: its words. It is run without a shell, and only when a person asks for it.
	TokenCommand []string `json:"token_command,omitempty"`

	// Precedes names definitions that claim some of the same hosts. Where connections of both could be used, that of this
	// one is.
	Precedes []ProviderName `json:"precedes,omitempty"`

	// SafePosts are requests that change nothing although their method is POST, as host/path, with '*' for a segment: such as
	// a search. A run that may read only sends these, too.
	SafePosts []string `json:"safe_posts,omitempty"`

	// UnsafeGets are requests that may change something although their method is GET, as host/path likewise, unless SafePosts
	// says that they do not: such as every method of an API that takes GET for POST.
	UnsafeGets []string `json:"unsafe_gets,omitempty"`

	// CredentialPaths are requests whose answer is a new credential, as "METHOD host/path", with '*' for a segment: such as the
	// making of a key. A run does not send them, unless the connection allows it.
	CredentialPaths []string `json:"credential_paths,omitempty"`

	Source Source `json:"-"`
}

// Variant says that a credential travels in another way to some of a provider's hosts: the token of an API, for instance, as
// the password of git.
type Variant struct {
	Hosts  []string  `json:"hosts"`
	Inject Injection `json:"inject"`
}

// KeyPage returns the page where a key or an OAuth client is made, or else the one that explains how; empty: none is known.
func (p *Provider) KeyPage() string {
	if p.KeyURL != "" {
		return p.KeyURL
	}
	return p.Docs
}

// Export names the environment variables that carry fields of a connection: "access_token" or "api_key" to NAME.
// Definitions of the 0.2 generation name one for "refresh_token" too, which is never exported.
type Export struct {
	Env map[string]string `json:"env,omitempty"`
	// Aliases holds further names that programs read the same field from, such as GH_TOKEN beside GITHUB_TOKEN.
	Aliases map[string][]string `json:"aliases,omitempty"`
}

// Names returns the variables that carry a field, the one to export first.
func (e Export) Names(field string) []string {
	var names []string
	if name := e.Env[field]; name != "" {
		names = append(names, name)
	}
	return append(names, e.Aliases[field]...)
}

// ClientEnv names the environment variables that an OAuth client's identifier and secret are read from.
type ClientEnv struct {
	ClientIDEnv     string `json:"client_id_env,omitempty"`
	ClientSecretEnv string `json:"client_secret_env,omitempty"`
}

// APIKey says how a key looks and how it travels. Of a provider whose auth type is not api_key it says what else than
// the definition's own fields a person is asked for, and the default base URL.
type APIKey struct {
	BaseURL        string `json:"base_url,omitempty"`         // stands for {base_url} unless the person gives another
	HeaderName     string `json:"header_name,omitempty"`      // "Authorization" if empty
	HeaderPrefix   string `json:"header_prefix"`              // one space follows it; "Bearer" if absent, none if empty
	EnvVar         string `json:"env_var,omitempty"`          // the environment variable the key is read from at login
	KeyPattern     string `json:"key_pattern,omitempty"`      // regular expression (RE2) the key matches in full
	KeyPatternHint string `json:"key_pattern_hint,omitempty"` // the pattern in words
	// Fields are further values that belong to the key, such as the second of two keys, or a user name. [Injection] puts
	// them where they belong.
	Fields []KeyField `json:"fields,omitempty"`
}

// KeyField is a value that belongs to a key.
type KeyField struct {
	Name        FieldName `json:"name"`
	Label       string    `json:"label,omitempty"`        // for people; Name if empty
	Public      bool      `json:"public,omitempty"`       // no secret: it is echoed, shown and told apart by
	Optional    bool      `json:"optional,omitempty"`     // may be left out
	EnvVar      string    `json:"env_var,omitempty"`      // the environment variable it is read from at login, and exported as
	Pattern     string    `json:"pattern,omitempty"`      // regular expression (RE2) the value matches in full
	PatternHint string    `json:"pattern_hint,omitempty"` // the pattern in words
}

// AccountSource says where the provider tells who has logged in.
type AccountSource struct {
	From AccountFrom `json:"from,omitempty"`
	URL  string      `json:"url,omitempty"` // for [AccountFromURL]: asked with GET and the new credential; one of the provider's hosts
	// ID and Label are paths of member names, joined with dots, such as "team.id": what tells accounts apart, and what
	// people know them by. A number stands for an element of an array.
	ID    string `json:"id,omitempty"`
	Label string `json:"label,omitempty"`
}

// AccountFrom says which document tells who has logged in.
type AccountFrom string

// Documents that tell. An empty one means [AccountFromURL].
const (
	AccountFromURL     AccountFrom = "url"      // an endpoint of the API
	AccountFromToken   AccountFrom = "token"    // the answer of the token endpoint
	AccountFromIDToken AccountFrom = "id_token" // the ID token, OpenID Connect Core section 2
)

// UnmarshalJSON gives HeaderPrefix its default where the member is absent; null means none, like the empty string.
func (k *APIKey) UnmarshalJSON(b []byte) error {
	type plain APIKey // not embedded in anything: the path in an error is to have the names of members only
	k.HeaderPrefix = "Bearer"
	if err := json.Unmarshal(b, (*plain)(k)); err != nil {
		return err
	}
	var given struct {
		HeaderPrefix json.RawMessage `json:"header_prefix"`
	}
	if err := json.Unmarshal(b, &given); err != nil {
		return err
	}
	if string(given.HeaderPrefix) == "null" {
		k.HeaderPrefix = ""
	}
	return nil
}

// PKCE says what a server makes of RFC 7636. An empty PKCE means [PKCEYes].
type PKCE string

// What a server does with a code challenge. Definitions of the 0.2 generation write true and false instead.
const (
	PKCERequired PKCE = "required"
	PKCEYes      PKCE = "yes"
	PKCEIgnored  PKCE = "ignored" // sent nevertheless: it does no harm
	PKCENo       PKCE = "no"      // not sent, as the server refuses unknown parameters
)

// UnmarshalJSON accepts the words above, and true and false. What is neither is kept for validation to name.
func (p *PKCE) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true":
		*p = PKCEYes
	case "false":
		*p = PKCENo
	case "null":
	default:
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			s = string(b)
		}
		*p = PKCE(s)
	}
	return nil
}

// ClientAuth is a client authentication method, RFC 6749 section 2.3.
type ClientAuth string

// Client authentication methods. The method is a fact of the definition and never found out by trying: a second try
// of a refresh would send a rotating refresh token twice.
const (
	ClientAuthNone  ClientAuth = "none"  // a public client: client_id in the body
	ClientAuthBasic ClientAuth = "basic" // client_secret_basic
	ClientAuthPost  ClientAuth = "post"  // client_secret_post
	// ClientAuthSecretUser: Basic with the secret as the user name and no password (Stripe). client_id is not sent.
	ClientAuthSecretUser ClientAuth = "basic_secret"
	// ClientAuthHash: client_id and hash in the body (Smartsheet). hash is the SHA-256 of the secret, "|" and the code or
	// refresh token, in hexadecimal.
	ClientAuthHash ClientAuth = "hash"
)

// BodyFormat is the encoding of a token request.
type BodyFormat string

// Encodings of a token request. JSON is for servers that stray from RFC 6749 section 4.1.3.
const (
	BodyForm BodyFormat = "form"
	BodyJSON BodyFormat = "json"
	// BodyQuery stands for no body at all: the parameters are in the URL. Only a [RequestTemplate] can have it.
	BodyQuery BodyFormat = "query"
)

// DeviceTokenRequest is the form in which a server wants to be polled for a device's token.
type DeviceTokenRequest string

// Forms of a device access token request. An empty one means [DeviceTokenForm].
const (
	DeviceTokenForm DeviceTokenRequest = "oauth2_form" // RFC 8628 section 3.4
	DeviceTokenJSON DeviceTokenRequest = "json"        // POST a JSON object {device_code}
)

// RevocationStyle says how a server takes a token back.
type RevocationStyle string

// Ways of revoking. An empty style with a revocation URL means [RevokeRFC7009].
const (
	RevokeRFC7009 RevocationStyle = "rfc7009"       // POST token and token_type_hint with client authentication
	RevokeToken   RevocationStyle = "token_only"    // POST token without client authentication (Google)
	RevokeGitHub  RevocationStyle = "github"        // DELETE with Basic client authentication and a JSON body
	RevokeBearer  RevocationStyle = "bearer"        // POST with the token itself as the bearer (Slack)
	RevokeDelete  RevocationStyle = "delete_token"  // DELETE the URL in which {token} stands for the refresh token
	RevokeBearerD RevocationStyle = "bearer_delete" // DELETE with the token itself as the bearer
	RevokeJSON    RevocationStyle = "json"          // POST a JSON object {token} with client authentication (Notion)
	RevokeOwn     RevocationStyle = "own"           // as OAuth.RevocationRequest has it
	RevokeNone    RevocationStyle = "none"          // the provider has no way
)

// RedirectKind says which loopback redirect URIs a provider accepts, RFC 8252 section 7.3.
type RedirectKind string

// Kinds of redirect URI. An empty kind means [RedirectLoopbackIP].
const (
	RedirectLoopbackIP RedirectKind = "loopback-ip" // http://127.0.0.1, any port
	RedirectLocalhost  RedirectKind = "localhost"   // http://localhost, any port
	RedirectFixedPort  RedirectKind = "fixed-port"  // the exact URI that was registered
	RedirectHTTPSOnly  RedirectKind = "https-only"  // no loopback: the person pastes the redirect URL
)

// Redirect describes the redirect URI of a provider.
type Redirect struct {
	Kind RedirectKind `json:"kind,omitempty"`
	Host string       `json:"host,omitempty"` // for fixed-port: 127.0.0.1 if empty
	Port int          `json:"port,omitempty"` // for fixed-port
	Path string       `json:"path,omitempty"` // "/callback" if empty
	URI  string       `json:"uri,omitempty"`  // for https-only
}

// Discovery says which metadata of the server completes a definition at login.
type Discovery string

// Kinds of discovery. Empty: the definition is all there is.
const (
	// DiscoverResource begins at OAuth.Resource: its challenge (RFC 6750 section 3), its metadata (RFC 9728) and that of
	// the authorization server it names.
	DiscoverResource Discovery = "resource"
	// DiscoverIssuer begins at OAuth.Issuer: RFC 8414 and OpenID Connect Discovery.
	DiscoverIssuer Discovery = "issuer"
)

// Assertion is the form of the private key that a [FlowJWTBearer] login is given.
type Assertion string

// Forms of assertions.
const (
	// AssertionGoogle: the JSON file of a Google service account; the assertion is exchanged at the token endpoint.
	AssertionGoogle Assertion = "google_service_account"
	// AssertionGitHub: a GitHub App's identifier and PEM key; the assertion buys an installation's token.
	AssertionGitHub Assertion = "github_app"
)

// TokenExchange is what a [FlowTokenExchange] asks for, RFC 8693 section 2.1. The token types are URIs.
type TokenExchange struct {
	SubjectTokenType   string `json:"subject_token_type,omitempty"` // that of an access token if empty
	RequestedTokenType string `json:"requested_token_type,omitempty"`
	Audience           string `json:"audience,omitempty"`
}

// LearnedHost says where the answer of the token endpoint tells which host the API is on. It is used only when it is an
// https URL below one of Within, and stands for {api_host} in the definition's hosts.
type LearnedHost struct {
	Member string   `json:"member"` // a path of member names, such as "instance_url"
	Within []string `json:"within"` // host patterns
}

// Elsewhere holds endpoints for a base URL that is not the definition's own; one that is empty stays as it is.
type Elsewhere struct {
	TokenURL      string `json:"token_url,omitempty"`
	RevocationURL string `json:"revocation_url,omitempty"`
}

// OAuth describes an authorization server from a client's side. {base_url} in a URL stands for BaseURL or for what the
// person gave instead of it, also at the beginning of an additional parameter. In RevocationURL, {token} stands for the
// refresh token and {client_id} for the client's identifier.
type OAuth struct {
	Issuer                 string          `json:"issuer,omitempty"` // compared with iss, RFC 9207
	BaseURL                string          `json:"base_url,omitempty"`
	AuthorizationURL       string          `json:"authorization_url,omitempty"`
	TokenURL               string          `json:"token_url,omitempty"`
	RefreshURL             string          `json:"refresh_url,omitempty"` // TokenURL if empty
	RevocationURL          string          `json:"revocation_url,omitempty"`
	RevocationStyle        RevocationStyle `json:"revocation_style,omitempty"`
	DeviceAuthorizationURL string          `json:"device_authorization_url,omitempty"`
	RegistrationEndpoint   string          `json:"registration_endpoint,omitempty"`
	Resource               string          `json:"resource,omitempty"` // RFC 8707
	Discovery              Discovery       `json:"discovery,omitempty"`
	PushedAuthorizationURL string          `json:"pushed_authorization_url,omitempty"` // RFC 9126
	RequirePAR             bool            `json:"require_par,omitempty"`              // RFC 9126 section 5
	IntrospectionURL       string          `json:"introspection_url,omitempty"`        // RFC 7662
	// Elsewhere has the endpoints that are at other paths where the person runs the service at an address of their own
	// (GitHub Enterprise Server): under another base URL than BaseURL.
	Elsewhere *Elsewhere `json:"elsewhere,omitempty"`
	// ServerFromCallback says which parameter of the authorization response names the server that issued the code, where a
	// service has several (Zoho: accounts-server). It becomes the base URL of the login.
	ServerFromCallback *LearnedHost `json:"server_from_callback,omitempty"`
	// RevocationRequest is sent to RevocationURL where the style is [RevokeOwn].
	RevocationRequest *RequestTemplate `json:"revocation_request,omitempty"`
	// IssRequired is set where the server promises iss in every authorization response, RFC 9207 section 3.
	IssRequired bool `json:"iss_required,omitempty"`
	// ClientIDMetadata is set where a client identifier may be the URL of a client ID metadata document.
	ClientIDMetadata bool `json:"client_id_metadata,omitempty"`
	// DPoP is set where tokens must be bound to a key, RFC 9449.
	DPoP bool `json:"dpop,omitempty"`

	Scopes         []string `json:"scopes,omitempty"`          // asked for unless the person names others
	ScopeSeparator string   `json:"scope_separator,omitempty"` // " " if empty
	ScopeParam     string   `json:"scope_param,omitempty"`     // "scope" if empty (Slack: user_scope)

	PKCE               PKCE              `json:"pkce,omitempty"`
	ChallengeEncoding  ChallengeEncoding `json:"challenge_encoding,omitempty"`
	ClientIDParam      string            `json:"client_id_param,omitempty"`        // "client_id" if empty (TikTok: client_key)
	ClientAuth         ClientAuth        `json:"client_auth,omitempty"`            // post with a client secret, none without, if empty
	SecretOptional     bool              `json:"client_secret_optional,omitempty"` // a client without a secret will do, too
	BodyFormat         BodyFormat        `json:"body_format,omitempty"`            // form if empty
	Redirect           Redirect          `json:"redirect,omitzero"`
	SupportsDeviceFlow bool              `json:"supports_device_flow,omitempty"` // RFC 8628: DeviceAuthorizationURL must be there
	SupportsDCR        bool              `json:"supports_dcr,omitempty"`         // RFC 7591: a client is registered where none is known

	DeviceTokenRequest DeviceTokenRequest `json:"device_token_request,omitempty"`
	// DeviceClientAuth takes the place of ClientAuth when a device logs in, where a server then wants another method
	// (GitHub: none, so that no client secret is asked for); the same if empty.
	DeviceClientAuth ClientAuth `json:"device_client_auth,omitempty"`

	// DeviceScopeParam carries the scopes of a device's requests, also of those for its token, where it is not "scope"
	// (Twitch: scopes).
	DeviceScopeParam string `json:"device_scope_param,omitempty"`

	AuthorizeParams map[string]string `json:"authorize_params,omitempty"`
	DeviceParams    map[string]string `json:"device_params,omitempty"` // of a device authorization request
	TokenParams     map[string]string `json:"token_params,omitempty"`
	RefreshParams   map[string]string `json:"refresh_params,omitempty"`

	Assertion     Assertion      `json:"assertion,omitempty"`      // for jwt_bearer
	TokenExchange *TokenExchange `json:"token_exchange,omitempty"` // for token_exchange
	APIHost       *LearnedHost   `json:"api_host,omitempty"`
	LongLived     *LongLived     `json:"long_lived,omitempty"`

	// ResponsePath leads to the object that holds the token, such as "authed_user", where it is not the answer itself.
	ResponsePath string `json:"response_path,omitempty"`
	// TokenType stands for whatever token_type the answer has, where a server uses words of its own (Slack: "user").
	TokenType string `json:"token_type,omitempty"`
	// ErrorMap gives the class of error codes that the RFCs do not know or that a provider uses otherwise: "grant",
	// "client", "request" or "transient". A provider that tells errors apart by a number or by the whole message alone
	// has that in place of a code, and one that says which field is wrong RESOURCE.CODE.
	ErrorMap map[string]string `json:"error_map,omitempty"`
	// DefaultExpiresIn is the lifetime in seconds of an access token whose answer names none; 0 means unknown.
	DefaultExpiresIn int64 `json:"default_expires_in,omitempty"`
	// RefreshExpiresIn is the lifetime of a refresh token in seconds, as documented; 0 means unknown.
	RefreshExpiresIn int64       `json:"refresh_expires_in,omitempty"`
	RefreshLife      RefreshLife `json:"refresh_life,omitempty"`
	// LoginExpiresIn is how many seconds after a login the next one is needed, however often its tokens were refreshed; 0
	// means that no such end is known.
	LoginExpiresIn int64 `json:"login_expires_in,omitempty"`
	// LifetimeConfidence says how well the lifetimes are known, A, B or C, where that is not the definition's Confidence.
	LifetimeConfidence string   `json:"lifetime_confidence,omitempty"`
	Rotation           Rotation `json:"rotation,omitempty"`
	// KillsOldAccessToken is set where a refresh ends the life of the previous access token.
	KillsOldAccessToken bool `json:"kills_old_access_token,omitempty"`
	// NoRefreshToken is set where a provider never issues one.
	NoRefreshToken bool `json:"no_refresh_token,omitempty"`
}
