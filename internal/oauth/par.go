package oauth

import (
	"context"
	"net/http"
	"net/url"
)

const opPush = "pushed authorization request"

// Authorize returns the URL to visit, like [Client.AuthorizationURL]. Where the server takes pushed authorization requests
// the parameters are sent to it first, with client authentication, and the URL holds only a reference to them that works
// once: RFC 9126.
func (c *Client) Authorize(ctx context.Context, req AuthorizationRequest) (string, error) {
	switch {
	case c.Provider.PushedAuthorizationURL != "":
		return c.push(ctx, req)
	case c.Provider.RequirePAR:
		return "", refused(opPush, "the server demands pushed authorization requests and names no endpoint for them")
	default:
		return c.AuthorizationURL(req)
	}
}

func (c *Client) push(ctx context.Context, req AuthorizationRequest) (string, error) {
	u, err := secureURL(opAuthorize, c.Provider.AuthorizationURL)
	if err != nil {
		return "", err
	}
	form := make(url.Values)
	if err := c.authorization(form, req); err != nil {
		return "", err
	}
	r := &request{
		op: opPush, method: http.MethodPost, url: c.Provider.PushedAuthorizationURL, params: form,
		redact: c.redactor(req.Verifier),
	}
	c.authenticate(r)
	set(form, c.clientIDParam(), c.ClientID) // a parameter of the authorization request, whatever the authentication
	a, err := c.sendBound(ctx, r)
	if err != nil {
		return "", err
	}
	reference, err := c.readPushed(r, a)
	if err != nil {
		c.logFailure(ctx, r, a, err)
		return "", err
	}
	q := u.Query()
	set(q, c.clientIDParam(), c.ClientID)
	set(q, "request_uri", reference)
	return withQuery(u, q), nil
}

// readPushed takes the reference out of an answer, RFC 9126 section 2.2.
func (c *Client) readPushed(r *request, a *answer) (string, error) {
	m, err := c.granted(r, a)
	if err != nil {
		return "", err
	}
	reference := m.text("request_uri")
	if reference == "" || hasControl(reference) {
		return "", a.useless(r.op, "no usable request_uri in the answer")
	}
	return reference, nil
}
