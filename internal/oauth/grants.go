package oauth

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"authsome"
)

const (
	opClientCredentials = "client credentials request"
	opAssertion         = "assertion request"
	opTokenExchange     = "token exchange request"
	opIntrospect        = "introspection request"

	grantTypeJWTBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantTypeTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"

	// typeAccessToken is the token type identifier of RFC 8693 section 3.
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // an identifier, no credential
)

// ClientCredentials asks for a token for the client itself, RFC 6749 section 4.4. There is no refresh token: the client
// asks again.
func (c *Client) ClientCredentials(ctx context.Context, scopes []string) (*Token, error) {
	form := make(url.Values)
	setAll(form, c.Provider.TokenParams)
	set(form, "grant_type", "client_credentials")
	set(form, c.scopeParam(), strings.Join(scopes, c.scopeSeparator()))
	return withoutRefreshToken(c.requestToken(ctx, opClientCredentials, c.Provider.TokenURL, form))
}

// JWTBearer trades an assertion for a token, RFC 7523 section 2.1. The scopes may be in the assertion instead.
func (c *Client) JWTBearer(ctx context.Context, assertion authsome.Secret, scopes []string) (*Token, error) {
	form := make(url.Values)
	setAll(form, c.Provider.TokenParams)
	set(form, "grant_type", grantTypeJWTBearer)
	set(form, "assertion", assertion.Reveal())
	set(form, c.scopeParam(), strings.Join(scopes, c.scopeSeparator()))
	t, err := withoutRefreshToken(c.requestToken(ctx, opAssertion, c.Provider.TokenURL, form, assertion))
	return t, blameClock(err)
}

// TokenExchange trades a token for another, RFC 8693 section 2.1, as the definition says.
func (c *Client) TokenExchange(ctx context.Context, subject authsome.Secret, scopes []string) (*Token, error) {
	want := c.Provider.TokenExchange
	if want == nil {
		want = &authsome.TokenExchange{}
	}
	form := make(url.Values)
	setAll(form, c.Provider.TokenParams)
	set(form, "grant_type", grantTypeTokenExchange)
	set(form, "subject_token", subject.Reveal())
	set(form, "subject_token_type", typeAccessToken)
	set(form, "subject_token_type", want.SubjectTokenType)
	set(form, "requested_token_type", want.RequestedTokenType)
	set(form, "audience", want.Audience)
	set(form, c.scopeParam(), strings.Join(scopes, c.scopeSeparator()))
	token, err := withoutRefreshToken(c.requestToken(ctx, opTokenExchange, c.Provider.TokenURL, form, subject))
	if err != nil {
		return nil, err
	}
	// Section 2.2.1: what was issued must be what can be used as an access token. The member must be there, but not every
	// server knows; one that was asked for an access token, and says how to use it, has issued one.
	issued := token.Member("issued_token_type")
	asked := want.RequestedTokenType == "" || usableTokenType(want.RequestedTokenType)
	if issued == "" && (!asked || token.Member("token_type") == "") {
		return nil, refused(opTokenExchange, "the server does not say what type of token it issued")
	}
	if issued != "" && !usableTokenType(issued) {
		return nil, refused(opTokenExchange, "the server issued a token of another type than was asked for")
	}
	return token, nil
}

// usableTokenType reports whether a token of a type, RFC 8693 section 3, can be sent as an access token.
func usableTokenType(t string) bool {
	return t == typeAccessToken || t == "urn:ietf:params:oauth:token-type:jwt"
}

// withoutRefreshToken drops what these grants should not issue (RFC 6749 section 4.4.3): the next token is asked for as
// the first one was.
func withoutRefreshToken(t *Token, err error) (*Token, error) {
	if t != nil {
		t.RefreshToken = authsome.Secret{}
	}
	return t, err
}

// Introspection is what a server says about a token, RFC 7662 section 2.2.
type Introspection struct {
	Active    bool  // the one member that must be there; nothing else counts without it
	ExpiresAt int64 // seconds since 1970; 0: unknown
}

// Introspect asks the server about a token, RFC 7662 section 2.1.
func (c *Client) Introspect(ctx context.Context, token authsome.Secret) (*Introspection, error) {
	r := &request{
		op: opIntrospect, method: http.MethodPost, url: c.Provider.IntrospectionURL, params: make(url.Values),
		redact: c.redactor(token),
	}
	set(r.params, "token", token.Reveal())
	set(r.params, "token_type_hint", "access_token")
	c.authenticate(r)
	a, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	m, err := c.granted(r, a)
	if err != nil {
		return nil, err
	}
	active, isBoolean := m["active"].(bool)
	if !isBoolean {
		return nil, a.useless(r.op, "no verdict in the answer")
	}
	i := &Introspection{Active: active}
	if at, known := instant(m["exp"]); known && active {
		i.ExpiresAt = at.Unix()
	}
	return i, nil
}

// LearnExpiry takes over when the token expires, if an introspection of it just after it was issued says so.
func (t *Token) LearnExpiry(said *Introspection) {
	at := time.Unix(said.ExpiresAt, 0)
	if !said.Active || !at.After(t.SentAt) {
		return
	}
	t.Lifetime = min(at.Sub(t.SentAt), maxLifetime)
	t.ExpiresAt = t.SentAt.Add(t.Lifetime)
}
