// Package oauth is the client side of OAuth 2.0, towards servers as they are and not only as the RFCs want them: logins in a
// browser (RFC 6749, 7636, 8252, 9126, 9207) and by a device code (RFC 8628), grants that need no person (RFC 7523, 8693),
// refreshing, revocation and introspection (RFC 7009, 7662), tokens bound to a key (RFC 9449), the registration of clients
// (RFC 7591, 7592), and the discovery of all that (RFC 8414, 9728).
//
// Make a [Client] for one provider and one registered client. [Client.Authorize] begins a login,
// [ParseRedirect] checks what came back, [Client.Exchange] and [Client.Refresh] get a [Token], [Client.Revoke] takes it
// back. Where the browser is on another machine, [Client.DeviceAuthorize] begins a login and [Client.AwaitDeviceToken]
// asks for the token until there is one. A [Discoverer] finds out what there is at a URL.
//
// Each request of a Client is sent once, on a connection of its own, and again only to a server that has refused its proof for
// want of a nonce (RFC 9449 section 8); no redirect is followed. A refresh token that arrives twice may end the login: whether
// to ask again is for the caller to decide, from the [Class] of the [Error].
//
// No error and no log line holds a secret.
package oauth

import (
	"log/slog"
	"net/http"
	"time"

	"authsome"
)

// Client talks to one authorization server on behalf of one registered OAuth client. Its fields are not changed by its
// methods, so it is safe for concurrent use.
type Client struct {
	// HTTP supplies transport and time limit; its cookie jar and redirect policy are not used. http.DefaultClient if nil.
	HTTP *http.Client
	// Provider describes the server. Its URLs have been expanded.
	Provider authsome.OAuth
	// ClientID and ClientSecret are the registration, RFC 6749 section 2.2. The secret may be empty.
	ClientID     string
	ClientSecret authsome.Secret
	// DPoPKey is what tokens are to be bound to, RFC 9449; nil: they are not.
	DPoPKey *DPoPKey
	// Now is time.Now if nil.
	Now func() time.Time
	// Logger gets what is sent and, on failure, what came back, at level DEBUG with secrets redacted. Nil: nobody.
	Logger *slog.Logger
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return slog.New(slog.DiscardHandler)
}
