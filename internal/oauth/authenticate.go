package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"

	"authsome"
)

// clientAuth returns the one method to use. A client without a secret is a public one, whatever the definition says.
func (c *Client) clientAuth() authsome.ClientAuth {
	switch {
	case c.ClientSecret.IsZero():
		return authsome.ClientAuthNone
	case c.Provider.ClientAuth == "":
		return authsome.ClientAuthPost
	default:
		return c.Provider.ClientAuth
	}
}

// authenticate identifies the client to the server, RFC 6749 section 2.3: by exactly one method.
func (c *Client) authenticate(r *request) {
	switch c.clientAuth() {
	case authsome.ClientAuthBasic:
		r.authorization = "Basic " + c.basic(true)
	case authsome.ClientAuthPost:
		set(r.params, c.clientIDParam(), c.ClientID)
		set(r.params, "client_secret", c.ClientSecret.Reveal())
	case authsome.ClientAuthSecretUser:
		r.authorization = "Basic " + c.secretAsUser()
	case authsome.ClientAuthHash:
		set(r.params, c.clientIDParam(), c.ClientID)
		set(r.params, "hash", c.hash(r.params))
	default:
		set(r.params, c.clientIDParam(), c.ClientID)
	}
}

func (c *Client) clientIDParam() string {
	if c.Provider.ClientIDParam != "" {
		return c.Provider.ClientIDParam
	}
	return "client_id"
}

// hash proves that the client knows its secret, without sending it: see [authsome.ClientAuthHash].
func (c *Client) hash(params url.Values) string {
	grant := params.Get("code")
	if grant == "" {
		grant = params.Get("refresh_token")
	}
	sum := sha256.Sum256([]byte(c.ClientSecret.Reveal() + "|" + grant))
	return hex.EncodeToString(sum[:])
}

// secretAsUser returns Basic credentials whose user name is the secret, RFC 7617: see [authsome.ClientAuthSecretUser].
func (c *Client) secretAsUser() string {
	return base64.StdEncoding.EncodeToString([]byte(c.ClientSecret.Reveal() + ":"))
}

// basic returns Basic credentials. RFC 6749 section 2.3.1 wants both halves form-encoded first; plain HTTP (RFC 7617)
// does not.
func (c *Client) basic(formEncoded bool) string {
	id, secret := c.ClientID, c.ClientSecret.Reveal()
	if formEncoded {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	return base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
}

// redactor covers what the client knows to be secret, and the given values.
func (c *Client) redactor(secrets ...authsome.Secret) redactor {
	var values []string
	for _, s := range secrets {
		values = append(values, s.Reveal())
	}
	if !c.ClientSecret.IsZero() {
		values = append(values, c.ClientSecret.Reveal(), c.basic(true), c.basic(false), c.secretAsUser())
	}
	return newRedactor(values...)
}
