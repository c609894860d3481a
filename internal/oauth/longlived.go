package oauth

import (
	"context"
	"net/http"

	"authsome"
)

const opExtend = "long-lived token request"

// Extend exchanges the token of a login for one that lives longer, where the provider has such a thing instead of
// refresh tokens, see [authsome.LongLived]. Any other token is returned as it is.
//
// A token that can be renewed is its own refresh token: RefreshExpiresAt is when it ends, and ExpiresAt the middle of
// its life, from which on [Client.Refresh] renews it. After its end the provider would not.
func (c *Client) Extend(ctx context.Context, token *Token) (*Token, error) {
	l := c.Provider.LongLived
	if l == nil {
		return token, nil
	}
	extended := *token // what only the answer to the code says stays
	if l.ExchangeURL != "" {
		long, err := c.askLongLived(ctx, opExtend, l.ExchangeURL, l.ExchangeParams, token.AccessToken)
		if err != nil {
			return nil, err
		}
		extended.AccessToken, extended.TokenType = long.AccessToken, long.TokenType
		extended.ExpiresAt, extended.Lifetime, extended.SentAt = long.ExpiresAt, long.Lifetime, long.SentAt
	}
	return c.renewable(&extended), nil
}

// renews reports whether an access token takes the place of a refresh token.
func (c *Client) renews() bool {
	return c.Provider.LongLived != nil && len(c.Provider.LongLived.RenewParams) > 0
}

// renew is Refresh for such a token.
func (c *Client) renew(ctx context.Context, token authsome.Secret) (*Token, error) {
	renewed, err := c.askLongLived(ctx, opRefresh, c.refreshEndpoint(), c.Provider.LongLived.RenewParams, token)
	if err != nil {
		return nil, err
	}
	return c.renewable(renewed), nil
}

func (c *Client) renewable(token *Token) *Token {
	if !c.renews() {
		return token
	}
	token.RefreshToken = token.AccessToken
	if !token.ExpiresAt.IsZero() {
		token.RefreshExpiresAt, token.RefreshLifeSaid = token.ExpiresAt, true
		token.Lifetime /= 2
		token.ExpiresAt = token.SentAt.Add(token.Lifetime)
	}
	return token
}

func (c *Client) askLongLived(
	ctx context.Context, op, endpoint string, params map[string]string, token authsome.Secret,
) (*Token, error) {
	f := c.fillingFor(LoginTokens{AccessToken: token})
	return c.sendForToken(ctx, &request{
		op: op, method: http.MethodGet, url: endpoint, params: f.params(params), format: authsome.BodyQuery,
		redact: c.redactor(token),
	})
}
