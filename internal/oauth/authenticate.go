package oauth

import (
	"encoding/base64"
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
		set(r.params, "client_id", c.ClientID)
		set(r.params, "client_secret", c.ClientSecret.Reveal())
	default:
		set(r.params, "client_id", c.ClientID)
	}
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
		values = append(values, c.ClientSecret.Reveal(), c.basic(true), c.basic(false))
	}
	return newRedactor(values...)
}
