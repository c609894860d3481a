package oauth

import (
	"context"
	"net/http"
	"net/url"

	"authsome"
)

const (
	opExchange = "token request"
	opRefresh  = "refresh request"
)

// Exchange trades an authorization code for a token, RFC 6749 section 4.1.3. redirectURI is that of the authorization
// request; verifier is zero when the request went without PKCE.
func (c *Client) Exchange(
	ctx context.Context, code authsome.Secret, redirectURI string, verifier authsome.Secret,
) (*Token, error) {
	form := make(url.Values)
	setAll(form, c.Provider.TokenParams)
	set(form, "grant_type", "authorization_code")
	set(form, "code", code.Reveal())
	set(form, "redirect_uri", redirectURI)
	set(form, "code_verifier", verifier.Reveal())
	return c.requestToken(ctx, opExchange, c.Provider.TokenURL, form, code, verifier)
}

// Refresh trades a refresh token for a new token, RFC 6749 section 6. One request is sent, whatever becomes of it. No
// scope is asked for: the grant's own is meant. A token without refresh token leaves the one that was sent in force.
func (c *Client) Refresh(ctx context.Context, refreshToken authsome.Secret) (*Token, error) {
	if refreshToken.IsZero() {
		return nil, refused(opRefresh, "there is no refresh token")
	}
	if c.renews() {
		return c.renew(ctx, refreshToken)
	}
	form := make(url.Values)
	setAll(form, c.Provider.RefreshParams)
	set(form, "grant_type", "refresh_token")
	set(form, "refresh_token", refreshToken.Reveal())
	return c.requestToken(ctx, opRefresh, c.refreshEndpoint(), form, refreshToken)
}

func (c *Client) refreshEndpoint() string {
	if c.Provider.RefreshURL != "" {
		return c.Provider.RefreshURL
	}
	return c.Provider.TokenURL
}

func (c *Client) requestToken(
	ctx context.Context, op, endpoint string, form url.Values, secrets ...authsome.Secret,
) (*Token, error) {
	set(form, "resource", c.Provider.Resource)
	r := &request{
		op: op, method: http.MethodPost, url: endpoint, params: form, format: c.Provider.BodyFormat,
		redact: c.redactor(secrets...),
	}
	c.authenticate(r)
	return c.sendForToken(ctx, r)
}

// sendForToken sends a request whose answer is a token.
func (c *Client) sendForToken(ctx context.Context, r *request) (*Token, error) {
	a, err := c.sendBound(ctx, r)
	if err != nil {
		return nil, err
	}
	token, err := c.readToken(r, a)
	if err != nil {
		c.logFailure(ctx, r, a, err)
		return nil, err
	}
	return token, nil
}
