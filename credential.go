package authsome

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Placeholder stands in the environment of a child process where programs look for a credential. It lets SDKs start; the
// proxy puts the credential in its place. It is worth nothing.
const Placeholder = "authsome-proxy-managed"

// Credential is what goes on the wire for one connection, where it may go, and how long it is good for.
type Credential struct {
	Ref      Ref
	AuthType AuthType
	Value    Secret // the access token, the API key, the password or the secret access key
	// Fields holds the other values that the credential consists of, by the names of the login's fields.
	Fields map[FieldName]Secret
	Public []FieldName // those of Fields that are no secret, such as a user name
	// Signer authenticates requests where a fixed header cannot; nil otherwise.
	Signer     Signer
	TokenType  string
	Scopes     []string
	ExpiresAt  time.Time // zero: unknown or never
	FreshUntil time.Time // until then the layer would return the same value again; zero: no limit known
	Generation uint64    // tells this value from the ones before and after it
	Inject     Injection
	Variants   []CredentialVariant // where it goes on the wire in another way
	Hosts      []HostPattern       // where it may be sent
	Excluded   []HostPattern       // where it may not, although Hosts match: the provider's own OAuth endpoints

	// Warning is set when the value is still good but could not be renewed.
	Warning *Error
}

// Allows reports whether the credential may be sent to u: a URL that Hosts match and Excluded do not cover.
func (c *Credential) Allows(u *url.URL) bool {
	return MatchAny(c.Hosts, u) && !CoversAny(c.Excluded, u)
}

// CredentialVariant is another way for the credential to travel, to some of the places that Hosts match.
type CredentialVariant struct {
	Hosts  []HostPattern
	Inject Injection
}

// HeaderOnly reports whether fields of the header are all that authenticates a request, so that they are the same for
// each. If not, only [Credential.Authenticate] can do it.
func (c *Credential) HeaderOnly() bool {
	return c.Signer == nil && len(c.Inject.Query) == 0 && len(c.Variants) == 0
}

// For returns the credential as it travels to u.
func (c *Credential) For(u *url.URL) *Credential {
	for _, v := range c.Variants {
		if MatchAny(v.Hosts, u) {
			return c.By(v.Inject)
		}
	}
	return c
}

// By returns the credential as it travels in one way only, whatever the host: its own injection, or that of a variant.
func (c *Credential) By(way Injection) *Credential {
	other := *c
	other.Inject, other.Variants = way, nil
	return &other
}

// Authenticate puts the credential on a request, in place of whatever the caller had put there: the fields of the
// injection, Authorization and X-Api-Key are removed first, in every spelling, and parameters of the query that are to be
// set. It may change r.URL, and r.Body for a credential that signs it. It fails as [Credential.Apply] does.
func (c *Credential) Authenticate(r *http.Request) error {
	if c.Signer != nil {
		if err := c.Signer.Sign(r); err != nil {
			e := c.unusable(err.Error())
			e.Err = err
			return e
		}
		return nil
	}
	c = c.For(r.URL)
	if err := c.setFields(r.Header); err != nil {
		return err
	}
	if len(c.Inject.Query) == 0 {
		return nil
	}
	u := *r.URL
	if err := c.setQuery(&u); err != nil {
		return c.unusable(err.Error())
	}
	r.URL = &u
	return nil
}

// Apply sets the credential on the header of a request, in place of whatever the caller had put there: the fields of the
// injection, Authorization and X-Api-Key are removed first, in every spelling. It fails when a value cannot stand in a
// header field (RFC 9110 section 5.5), in which case the header has lost those fields and gained none, and for
// credentials that are not [Credential.HeaderOnly].
func (c *Credential) Apply(h http.Header) error {
	if !c.HeaderOnly() {
		return c.unusable("it authenticates whole requests, not headers")
	}
	return c.setFields(h)
}

func (c *Credential) setFields(h http.Header) error {
	fields, err := c.header()
	DropCredentials(h, slices.Collect(maps.Keys(fields))...)
	switch {
	case err != nil:
		return c.unusable(err.Error())
	case c.Value.IsZero():
		return c.unusable("it is empty")
	}
	if c.holdsControl() {
		return c.unusable("it holds a control character")
	}
	maps.Copy(h, fields)
	for name, v := range c.Inject.Defaults {
		if h.Get(name) == "" {
			h.Set(name, v)
		}
	}
	return nil
}

// holdsControl reports whether a value cannot have been meant: it could end a field and begin another, or hide in what
// encodes it.
func (c *Credential) holdsControl() bool {
	if strings.ContainsFunc(c.Inject.Prefix+c.Value.Reveal(), isForbiddenInField) {
		return true
	}
	for _, v := range c.Fields {
		if strings.ContainsFunc(v.Reveal(), isForbiddenInField) {
			return true
		}
	}
	return false
}

// unusable is the failure to put the credential on a request.
func (c *Credential) unusable(why string) *Error {
	return &Error{
		Kind: KindInternal, Ref: c.Ref,
		Message: fmt.Sprintf("the credential of %s cannot be sent: %s", c.Ref, why),
		Hint:    fmt.Sprintf("authsome login %s --force", c.Ref.Provider),
	}
}

// Header returns the header fields that authenticate a request. It fails as [Credential.Apply] does.
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

// ErrBodyTooLarge is in the tree of a [Signer]'s error when it would have to read more of a body than it keeps.
var ErrBodyTooLarge = errors.New("the body is too large to be signed")

// Signer authenticates requests one by one: with a signature over each, or with a proof made for it. It is safe for
// concurrent use.
type Signer interface {
	// Sign sets what authenticates r, in place of whatever the caller had put there; see [DropCredentials]. It reads and
	// replaces the body if it must. Nothing of r may be changed between this and sending it.
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
	// Stored asks for what is stored now: nothing is refreshed. It fails when that has expired. Whoever was told of a
	// change ([Watcher]) looks this way, and waits for no refresh under way.
	Stored bool
	// Background is set by callers that retry by themselves. They do not cause a call of the token endpoint before
	// the cool-down that the last failure left behind has passed.
	Background bool
	// KeepAlive asks for a refresh also where the login would lapse from disuse before long: see [Connection.KeepAliveAt].
	KeepAlive bool
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
