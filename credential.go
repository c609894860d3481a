package authsome

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// Placeholder stands in the environment of a child process where programs look for a credential. It lets SDKs start; the
// proxy puts the credential in its place. It is worth nothing.
const Placeholder = "authsome-proxy-managed"

// Injection says how a credential is put on a request. In a template, {NAME} stands for the field of that name, such as
// {api_key} or {access_token}. Where a template mentions the main value, Header is not set unless it is named.
type Injection struct {
	Header   string            `json:"header,omitempty"`   // the header field; "Authorization" if empty
	Prefix   string            `json:"prefix,omitempty"`   // what precedes the value, such as "Bearer "
	Headers  map[string]string `json:"headers,omitempty"`  // further fields the API demands: fixed ones, or templates
	Defaults map[string]string `json:"defaults,omitempty"` // fields for requests that lack them, such as the API's version
	Query    map[string]string `json:"query,omitempty"`    // parameters of the URL's query: templates
	// User and Password are templates of the halves of HTTP Basic credentials (RFC 7617), where a key travels as those.
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	// Service and Region are what AWS Signature Version 4 signs for where a request does not say.
	Service string `json:"service,omitempty"`
	Region  string `json:"region,omitempty"`
	// Basic is set where the value is one half of HTTP Basic credentials whose other half is empty (RFC 7617).
	Basic BasicPart `json:"basic,omitempty"`
}

// BasicPart is one half of HTTP Basic credentials, RFC 7617 section 2.
type BasicPart string

// The halves of Basic credentials.
const (
	BasicUser     BasicPart = "user"
	BasicPassword BasicPart = "password"
)

// render returns what follows the prefix for a value.
func (i Injection) render(value string) string {
	switch i.Basic {
	case BasicUser:
		return base64.StdEncoding.EncodeToString([]byte(value + ":"))
	case BasicPassword:
		return base64.StdEncoding.EncodeToString([]byte(":" + value))
	default:
		return value
	}
}

// Credential is what goes on the wire for one connection, where it may go, and how long it is good for.
type Credential struct {
	Ref      Ref
	AuthType AuthType
	Value    Secret // the access token, the API key, the password or the secret access key
	// Fields holds the other values that the credential consists of, by the names of the login's fields.
	Fields map[FieldName]Secret
	// Signer authenticates requests where a fixed header cannot; nil otherwise.
	Signer     Signer
	TokenType  string
	Scopes     []string
	ExpiresAt  time.Time // zero: unknown or never
	FreshUntil time.Time // until then the layer would return the same value again; zero: no limit known
	Generation uint64    // tells this value from the ones before and after it
	Inject     Injection
	Hosts      []HostPattern // where it may be sent
	Excluded   []HostPattern // where it may not, although Hosts match: the provider's own OAuth endpoints

	// Warning is set when the value is still good but could not be renewed.
	Warning *Error
}

// Allows reports whether the credential may be sent to u: an https URL that Hosts match and Excluded do not cover.
func (c *Credential) Allows(u *url.URL) bool {
	return MatchAny(c.Hosts, u) && !CoversAny(c.Excluded, u)
}

// Apply sets the credential on the header of a request, in place of whatever the caller had put there: the field of
// the injection, Authorization and X-Api-Key are removed first, in every spelling. It fails when the value cannot stand
// in a header field (RFC 9110 section 5.5), in which case the header has lost those fields and gained none.
func (c *Credential) Apply(h http.Header) error {
	field := c.Inject.Header
	if field == "" {
		field = "Authorization"
	}
	DropCredentials(h, field)
	if c.Value.IsZero() || strings.ContainsFunc(c.Inject.Prefix+c.Value.Reveal(), isForbiddenInField) {
		return &Error{
			Kind: KindInternal, Ref: c.Ref,
			Message: fmt.Sprintf("the credential of %s cannot be sent in a header", c.Ref),
			Hint:    fmt.Sprintf("authsome login %s --force", c.Ref.Provider),
		}
	}
	for name, v := range c.Inject.Headers {
		h.Set(name, v)
	}
	for name, v := range c.Inject.Defaults {
		if h.Get(name) == "" {
			h.Set(name, v)
		}
	}
	h.Set(field, c.Inject.Prefix+c.Inject.render(c.Value.Reveal()))
	return nil
}

// Header returns the header fields that authenticate a request.
func (c *Credential) Header() (http.Header, error) {
	h := make(http.Header)
	if err := c.Apply(h); err != nil {
		return nil, err
	}
	return h, nil
}

// DropCredentials removes from h every field that commonly carries a credential, and the given ones, whatever their
// case and whether they are written with '-' or '_': servers differ in what they fold together.
func DropCredentials(h http.Header, fields ...string) {
	for name := range h {
		drop := sameField(name, "Authorization") || sameField(name, "X-Api-Key")
		for _, f := range fields {
			drop = drop || sameField(name, f)
		}
		if drop {
			delete(h, name)
		}
	}
}

// sameField reports whether some server takes one name of a field for the other. It is called for every field of every
// request, hence no copies.
func sameField(a, b string) bool {
	a, b = textproto.TrimString(a), textproto.TrimString(b)
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if foldFieldByte(a[i]) != foldFieldByte(b[i]) {
			return false
		}
	}
	return true
}

func foldFieldByte(c byte) byte {
	switch {
	case c == '_':
		return '-'
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A'
	}
	return c
}

func isForbiddenInField(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// Signer authenticates requests one by one: with a signature over each, or with a proof made for it. It is safe for
// concurrent use.
type Signer interface {
	// Sign sets what authenticates r, from which the caller's own credentials have been removed. It reads and replaces
	// the body if it must. No field that it sets may be changed before r is sent.
	Sign(r *http.Request) error
	// Retry looks at an answer with status 401 and reports whether the request can succeed when it is signed again.
	Retry(resp *http.Response) bool
}

// CredentialOptions says what the caller knows already. The zero value asks for whatever is good.
type CredentialOptions struct {
	// Refresh asks for a new credential although the stored one is good.
	Refresh bool
	// Rejected is the Generation of a credential that the API has answered 401 to. A newer one is returned if there
	// is; otherwise the layer decides whether a refresh can help.
	Rejected uint64
	// Background is set by callers that retry by themselves. They do not cause a call of the token endpoint before
	// the cool-down that the last failure left behind has passed.
	Background bool
}

// CredentialSource hands out credentials. It is all that a proxy or a [Transport] needs of an [AuthLayer].
//
// Credential returns a credential that is good now. It fails with [KindConnectionNotFound], [KindRefreshFailed],
// [KindProviderNotFound], [KindVaultUnavailable] or [KindDenied]. Implementations are safe for concurrent use.
type CredentialSource interface {
	Credential(ctx context.Context, ref Ref, opts CredentialOptions) (*Credential, error)
}

// AccessToken returns the access token, or the API key, of a connection.
func AccessToken(ctx context.Context, source CredentialSource, ref Ref) (Secret, error) {
	c, err := source.Credential(ctx, ref, CredentialOptions{})
	if err != nil {
		return Secret{}, err
	}
	return c.Value, nil
}

// AuthHeaders returns the header fields that authenticate a request of a connection. The caller sees to it that they
// go to the provider and nowhere else; a [Transport] sees to it by itself.
func AuthHeaders(ctx context.Context, source CredentialSource, ref Ref) (http.Header, error) {
	c, err := source.Credential(ctx, ref, CredentialOptions{})
	if err != nil {
		return nil, err
	}
	return c.Header()
}
