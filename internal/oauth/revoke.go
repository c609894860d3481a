package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"authsome"
)

// LoginTokens are the tokens of a login, and whose it is. Either token may be zero.
type LoginTokens struct {
	AccessToken, RefreshToken authsome.Secret
	// AccountID is who has logged in, for providers that want to know (Stripe Connect); it may be empty.
	AccountID string
}

const opRevoke = "revocation request"

// Revoke takes the tokens back at the server, RFC 7009, or in the way the provider has instead. A token that the server
// does not know, or no longer, is revoked. Other failures are classified like those of [Client.Refresh].
func (c *Client) Revoke(ctx context.Context, tokens LoginTokens) error {
	style := c.Provider.RevocationStyle
	if c.Provider.RevocationURL == "" || style == authsome.RevokeNone {
		return refused(opRevoke, "the provider offers no revocation")
	}
	err := c.revoke(ctx, style, tokens)
	e, ok := errors.AsType[*Error](err)
	retry := ok && e.Code == "unsupported_token_type" && !tokens.RefreshToken.IsZero() && !tokens.AccessToken.IsZero()
	if retry && (style == "" || style == authsome.RevokeRFC7009) {
		// RFC 7009 section 2.2.1: this server revokes access tokens only.
		return c.revoke(ctx, style, LoginTokens{AccessToken: tokens.AccessToken})
	}
	return err
}

func (c *Client) revoke(ctx context.Context, style authsome.RevocationStyle, tokens LoginTokens) error {
	r, err := c.revocation(style, tokens)
	if err != nil {
		return err
	}
	a, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	if e := c.readRevocation(style, r, a); e != nil {
		c.logFailure(ctx, r, a, e)
		return e
	}
	return nil
}

// revocation builds the request of a style.
func (c *Client) revocation(style authsome.RevocationStyle, tokens LoginTokens) (*request, error) {
	r := &request{
		op: opRevoke, method: http.MethodPost, params: make(url.Values),
		redact: c.redactor(tokens.AccessToken, tokens.RefreshToken),
	}
	r.url = strings.ReplaceAll(c.Provider.RevocationURL, "{client_id}", url.PathEscape(c.ClientID))
	// The refresh token stands for the whole grant (RFC 7009 section 2.1).
	grant, hint := tokens.RefreshToken, "refresh_token"
	if grant.IsZero() {
		grant, hint = tokens.AccessToken, "access_token"
	}
	access := tokens.AccessToken
	var used authsome.Secret
	switch style {
	case "", authsome.RevokeRFC7009:
		used = grant
		set(r.params, "token", used.Reveal())
		set(r.params, "token_type_hint", hint)
		c.authenticate(r)
	case authsome.RevokeToken:
		used = grant
		set(r.params, "token", used.Reveal())
	case authsome.RevokeJSON:
		used = access
		r.format = authsome.BodyJSON
		set(r.params, "token", used.Reveal())
		c.authenticate(r)
	case authsome.RevokeGitHub:
		used = access
		r.method, r.format = http.MethodDelete, authsome.BodyJSON
		r.authorization = "Basic " + c.basic(false)
		set(r.params, "access_token", used.Reveal())
	case authsome.RevokeBearer:
		used = access
		r.authorization = "Bearer " + used.Reveal()
	case authsome.RevokeBearerD:
		used = access
		r.method, r.authorization = http.MethodDelete, "Bearer "+used.Reveal()
	case authsome.RevokeOwn:
		return r, c.fill(r, c.Provider.RevocationRequest, tokens)
	case authsome.RevokeDelete:
		used = tokens.RefreshToken
		r.method = http.MethodDelete
		r.url = strings.ReplaceAll(r.url, "{token}", url.PathEscape(used.Reveal()))
	default:
		return nil, refused(opRevoke, "the revocation style is unknown")
	}
	if used.IsZero() {
		return nil, refused(opRevoke, "there is no token that can be revoked")
	}
	return r, nil
}

// readRevocation returns nil when the token is gone. A success has no body to speak of (RFC 7009 section 2.2), except
// where it says that it is none.
func (c *Client) readRevocation(style authsome.RevocationStyle, r *request, a *answer) *Error {
	m, err := a.decode()
	code, _ := errorOf(m, a.status)
	switch {
	case a.ok() && code == "":
		return nil
	case code == "invalid_token" || code == "token_revoked": // Google and Slack say so of tokens they do not know
		return nil
	case a.status == http.StatusNotFound && style == authsome.RevokeDelete:
		return nil // the token was part of the address
	case err != nil:
		return c.unreadable(r, a, err)
	}
	e := c.rejected(r, a, m)
	if _, named := c.Provider.ErrorMap[e.Code]; e.Class == ClassGrant && (named || e.Code == "") {
		return nil // the definition says that this is how the provider speaks of tokens that it does not know
	}
	return e
}
