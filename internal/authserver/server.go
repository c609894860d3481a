// Package authserver is a small, strict OAuth 2.0 authorization server in memory, with a switchboard of faults. It is what
// "authsome demo" logs in to and what tests are run against, and it shows how servers differ where it hurts: in what
// becomes of a refresh token that has been used.
//
// [New] makes a [Server], an [http.Handler] to be served at the root of a listener. It has:
//
//   - authorization server metadata, RFC 8414
//   - /authorize: authorization code with PKCE S256, RFC 6749 section 4.1, RFC 7636, RFC 9207, and a page for consent
//   - /device_authorization, and /device where a person enters the user code: RFC 8628
//   - /token for all of these, refresh tokens, client credentials, assertions (RFC 7523) and token exchange (RFC 8693), with
//     resources (RFC 8707) and keys (RFC 9449) that tokens are bound to
//   - /revoke and /introspect: RFC 7009, RFC 7662
//   - /register and pushed authorization requests, if the [Config] says so: RFC 7591, 7592, 9126
//
// [Server.Resource] protects an API with its access tokens. [Server.Inject] queues a [Fault] for the next token requests;
// [Server.Requests] tells what has arrived. It knows no users: whoever asks may approve.
package authserver

import (
	"crypto"
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"time"
)

// ClientAuth is the client authentication method that a client is registered for, RFC 6749 section 2.3 and RFC 7591
// section 2. Any other is refused.
type ClientAuth string

// The methods. An empty one means [ClientAuthPost] for a client with a secret and [ClientAuthNone] for one without.
const (
	ClientAuthNone  ClientAuth = "none"
	ClientAuthBasic ClientAuth = "client_secret_basic"
	ClientAuthPost  ClientAuth = "client_secret_post"
)

// Rotation says what becomes of a refresh token that has been used.
type Rotation string

// The rotation policies. An empty one means [RotateStrict].
const (
	// RotateStrict: the token is exchanged for another; using it again ends the grant with all its tokens (RFC 9700
	// section 4.14.2).
	RotateStrict Rotation = "strict"
	// RotateGrace: like RotateStrict, but within Config.Grace after its first use the token is accepted again, so that
	// it has several successors, all good.
	RotateGrace Rotation = "grace"
	// RotateRefuse: using a token again is refused, and nothing else happens.
	RotateRefuse Rotation = "refuse"
	// RotateOnlyLastLives: the token that was used stays good until its successor is used; each use gives a successor,
	// and only the one issued last is good. Clients that race are all answered 200, and all but one lose.
	RotateOnlyLastLives Rotation = "only-last-lives"
	// NoRotation: the token stays, and answers do not repeat it.
	NoRotation Rotation = "none"
)

// Consent says who decides on an authorization request.
type Consent string

// The ways of consenting.
const (
	ConsentAsk     Consent = ""        // a page with the buttons Approve and Deny
	ConsentApprove Consent = "approve" // everything is approved at once
	ConsentDeny    Consent = "deny"    // everything is denied at once: access_denied
)

// Client is a registered client, RFC 6749 section 2.
type Client struct {
	ID     string
	Secret string // empty: a public client
	Auth   ClientAuth
	// RedirectURIs are compared exactly, except that http://127.0.0.1 and http://[::1] match with any port (RFC 8252
	// section 7.3).
	RedirectURIs []string
	// ExactRedirects makes the port of a loopback redirect URI count, as servers do that do not know RFC 8252.
	ExactRedirects bool
}

// Config describes a server. The zero value serves nobody, as it has no clients.
type Config struct {
	// Issuer is the base URL, without a slash at the end; if empty, it is taken from each request.
	Issuer  string
	Clients []Client
	Scopes  []string // what may be asked for; nil: anything
	Consent Consent
	// GrantOnly are the scopes that people grant, whatever else is asked for; nil: all.
	GrantOnly []string

	Rotation Rotation
	Grace    time.Duration // for RotateGrace
	// KillOldAccessToken makes a refresh end the life of the access tokens issued before in the same grant.
	KillOldAccessToken bool

	AccessTokenLifetime  time.Duration // an hour if 0
	RefreshTokenLifetime time.Duration // of each refresh token; 0: for ever

	DeviceCodeLifetime time.Duration // of device code and user code; 10 minutes if 0
	// DeviceInterval is the least time between polls; 5 s if 0. A client that is faster is told slow_down, and its
	// interval grows by 5 s (RFC 8628 section 3.5).
	DeviceInterval time.Duration
	// OmitDeviceInterval leaves interval out of the answers, and OmitVerificationURIComplete the URI of that name. Both
	// are optional (RFC 8628 section 3.2).
	OmitDeviceInterval, OmitVerificationURIComplete bool

	// AssertionKeys are the keys that assertions may be signed with (RFC 7523), by their issuer: *rsa.PublicKey.
	AssertionKeys map[string]crypto.PublicKey
	// Registration lets clients register themselves, RFC 7591; the next four say how.
	Registration         bool
	ConfidentialOnly     bool          // no public clients: token_endpoint_auth_method none is refused
	RefuseIPv6Redirects  bool          // http://[::1] cannot be registered
	ExactRedirects       bool          // of clients that register themselves
	ClientSecretLifetime time.Duration // 0: for ever
	OmitClientManagement bool          // no RFC 7592
	// Resources are the resources of RFC 8707 that there are; every request for a token must name one. Nil: they are not
	// looked at.
	Resources []string
	// OmitPKCEMetadata leaves code_challenge_methods_supported out of the metadata, and OmitIssuer the parameter iss out of
	// authorization responses although the metadata promise it.
	OmitPKCEMetadata, OmitIssuer bool
	// ClientMetadataDocuments lets an https URL that a document is found at be a client identifier; the function reads it.
	ClientMetadataDocuments func(url string) (redirectURIs []string, ok bool)
	// PAR lets clients push their authorization requests, RFC 9126; RequirePAR refuses all others.
	PAR, RequirePAR bool
	// DPoP makes the server bind tokens to keys, RFC 9449, and refuse requests without a proof; DPoPNonces makes it want a
	// nonce of its own in each.
	DPoP, DPoPNonces bool

	Now func() time.Time // time.Now if nil
}

// Server is the authorization server. It is safe for concurrent use.
type Server struct {
	mux *http.ServeMux
	now func() time.Time

	mu         sync.Mutex // guards everything below
	config     Config
	pending    map[string]*authorization // waiting for consent, by the identifier in the page
	codes      map[string]*authorization
	devices    map[string]*device // by device code
	access     map[string]*accessToken
	refresh    map[string]*refreshToken
	dynamic    map[string]*registered // clients that have registered themselves, by identifier
	pushed     map[string]*pushed     // by request_uri
	seenProofs map[string]bool        // by jti
	nonce      string                 // that DPoP proofs must have
	faults     []Fault
	released   chan struct{} // closed by Release
	requests   []Request
	arrived    chan struct{} // closed when a request is recorded, then replaced
}

var _ http.Handler = (*Server)(nil)

// New returns a server.
func New(config Config) *Server {
	config.Clients = slices.Clone(config.Clients)
	if config.AccessTokenLifetime == 0 {
		config.AccessTokenLifetime = time.Hour
	}
	if config.DeviceCodeLifetime == 0 {
		config.DeviceCodeLifetime = 10 * time.Minute
	}
	if config.DeviceInterval == 0 {
		config.DeviceInterval = 5 * time.Second
	}
	if config.Rotation == "" {
		config.Rotation = RotateStrict
	}
	s := &Server{
		mux:        http.NewServeMux(),
		now:        config.Now,
		config:     config,
		pending:    make(map[string]*authorization),
		codes:      make(map[string]*authorization),
		devices:    make(map[string]*device),
		access:     make(map[string]*accessToken),
		refresh:    make(map[string]*refreshToken),
		dynamic:    make(map[string]*registered),
		pushed:     make(map[string]*pushed),
		seenProofs: make(map[string]bool),
		nonce:      random("nonce-"),
		released:   make(chan struct{}),
		arrived:    make(chan struct{}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.serveMetadata)
	if config.Registration {
		s.mux.HandleFunc("POST "+PathRegister, s.serveRegister)
		s.mux.HandleFunc(PathRegister+"/{id}", s.serveManagement)
	}
	if config.PAR || config.RequirePAR {
		s.mux.HandleFunc("POST "+PathPAR, s.servePAR)
	}
	s.mux.HandleFunc("GET "+PathAuthorize, s.serveAuthorize)
	s.mux.HandleFunc("POST "+PathAuthorize, s.serveDecision)
	s.mux.HandleFunc("POST "+PathDeviceAuthorization, s.serveDeviceAuthorization)
	s.mux.HandleFunc("GET "+PathDevice, s.serveDevicePage)
	s.mux.HandleFunc("POST "+PathDevice, s.serveDeviceDecision)
	s.mux.HandleFunc("POST "+PathToken, s.serveToken)
	s.mux.HandleFunc("POST "+PathRevoke, s.serveRevoke)
	s.mux.HandleFunc("POST "+PathIntrospect, s.serveIntrospect)
	return s
}

// ServeHTTP serves the endpoints.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// client returns a registered client, or nil. The lock is held.
func (s *Server) client(id string) *Client {
	for i := range s.config.Clients {
		if s.config.Clients[i].ID == id {
			return &s.config.Clients[i]
		}
	}
	if read := s.config.ClientMetadataDocuments; read != nil {
		if uris, ok := read(id); ok {
			return &Client{ID: id, RedirectURIs: uris}
		}
	}
	return nil
}

func (c *Client) auth() ClientAuth {
	switch {
	case c.Auth != "":
		return c.Auth
	case c.Secret == "":
		return ClientAuthNone
	default:
		return ClientAuthPost
	}
}

// random returns a value that cannot be guessed.
func random(prefix string) string { return prefix + rand.Text() }
