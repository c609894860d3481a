package oauth

import (
	"net/url"
	"strings"

	"authsome"
)

// AuthorizationRequest is what differs from one authorization request to the next, RFC 6749 section 4.1.1.
type AuthorizationRequest struct {
	RedirectURI string
	State       string          // from [NewState]
	Verifier    authsome.Secret // from [NewVerifier]; the zero value leaves PKCE out
	Scopes      []string        // none: the server's default
	Nonce       string          // of OpenID Connect Core section 3.1.2.1; empty: none
}

const opAuthorize = "authorization request"

// AuthorizationURL returns the URL to visit. What it fails with is of [ClassRequest]: an endpoint that is neither https
// nor on loopback, or a request without redirect URI or state.
func (c *Client) AuthorizationURL(req AuthorizationRequest) (string, error) {
	u, err := secureURL(opAuthorize, c.Provider.AuthorizationURL)
	if err != nil {
		return "", err
	}
	q := u.Query()
	if err := c.authorization(q, req); err != nil {
		return "", err
	}
	return withQuery(u, q), nil
}

// authorization adds the parameters of an authorization request to q.
func (c *Client) authorization(q url.Values, req AuthorizationRequest) error {
	if req.RedirectURI == "" || req.State == "" || c.ClientID == "" {
		return refused(opAuthorize, "client_id, redirect_uri and state are required")
	}
	setAll(q, c.Provider.AuthorizeParams)
	set(q, "response_type", "code")
	set(q, c.clientIDParam(), c.ClientID)
	set(q, "redirect_uri", req.RedirectURI)
	set(q, "state", req.State)
	set(q, c.scopeParam(), strings.Join(req.Scopes, c.scopeSeparator()))
	set(q, "resource", c.Provider.Resource)
	set(q, "nonce", req.Nonce)
	if c.DPoPKey != nil {
		set(q, "dpop_jkt", c.DPoPKey.Thumbprint()) // RFC 9449 section 10
	}
	if !req.Verifier.IsZero() {
		set(q, "code_challenge", c.challenge(req.Verifier))
		set(q, "code_challenge_method", "S256")
	}
	return nil
}

// withQuery writes %20 rather than '+': both are right, but some servers decode only the former.
func withQuery(u *url.URL, q url.Values) string {
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

func (c *Client) scopeParam() string {
	if c.Provider.ScopeParam != "" {
		return c.Provider.ScopeParam
	}
	return "scope"
}

func (c *Client) scopeSeparator() string {
	if c.Provider.ScopeSeparator != "" {
		return c.Provider.ScopeSeparator
	}
	return " "
}

// set gives a parameter its one value; empty ones are omitted (RFC 6749 section 3.1).
func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

func setAll(v url.Values, params map[string]string) {
	for name, value := range params {
		set(v, name, value)
	}
}
