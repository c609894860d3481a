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
	opDeviceAuthorize = "device authorization request"
	opDeviceToken     = "device token request"

	grantTypeDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"

	// defaultInterval is how long to wait between polls where the server does not say, RFC 8628 section 3.2.
	defaultInterval = 5 * time.Second
	// defaultDeviceLifetime stands for expires_in where a server leaves it out, although it must not.
	defaultDeviceLifetime = 10 * time.Minute
)

// DeviceAuthorization is a successful answer of the device authorization endpoint, RFC 8628 section 3.2.
type DeviceAuthorization struct {
	DeviceCode              authsome.Secret
	UserCode                string
	VerificationURI         string
	VerificationURIComplete string        // empty: there is none
	ExpiresAt               time.Time     // of both codes; counts from when the request was sent
	Interval                time.Duration // the least time between two polls

	scopes string // as they were asked for, where the token request is to name them again
}

// DeviceAuthorize asks for a device code and a user code, RFC 8628 section 3.1. No scopes: the server's default.
func (c *Client) DeviceAuthorize(ctx context.Context, scopes []string) (*DeviceAuthorization, error) {
	form := make(url.Values)
	setAll(form, c.Provider.DeviceParams)
	set(form, c.deviceScopeParam(), strings.Join(scopes, c.scopeSeparator()))
	set(form, "resource", c.Provider.Resource)
	r := &request{
		op: opDeviceAuthorize, method: http.MethodPost, url: c.Provider.DeviceAuthorizationURL, params: form,
		format: c.deviceFormat(), redact: c.redactor(),
	}
	c.identify(r)
	a, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	d, err := c.readDevice(r, a)
	if err != nil {
		c.logFailure(ctx, r, a, err)
		return nil, err
	}
	if c.Provider.DeviceScopeParam != "" {
		d.scopes = form.Get(c.Provider.DeviceScopeParam)
	}
	return d, nil
}

func (c *Client) deviceScopeParam() string {
	if c.Provider.DeviceScopeParam != "" {
		return c.Provider.DeviceScopeParam
	}
	return c.scopeParam()
}

// deviceToken asks once for the token of a device, RFC 8628 section 3.4. While the person has not decided, it fails with
// an [Error] whose Code is authorization_pending or slow_down. It names the scopes once more where the provider has a
// parameter of its own for them (Twitch).
func (c *Client) deviceToken(ctx context.Context, deviceCode authsome.Secret, scopes string) (*Token, error) {
	form := make(url.Values)
	set(form, "device_code", deviceCode.Reveal())
	if c.Provider.DeviceTokenRequest == authsome.DeviceTokenJSON {
		return c.pollJSON(ctx, form, deviceCode)
	}
	setAll(form, c.Provider.TokenParams)
	set(form, "grant_type", grantTypeDeviceCode)
	if c.Provider.DeviceScopeParam != "" {
		set(form, c.Provider.DeviceScopeParam, scopes)
	}
	return c.requestToken(ctx, opDeviceToken, c.Provider.TokenURL, form, deviceCode)
}

// pollJSON sends the device code alone, see [authsome.DeviceTokenJSON].
func (c *Client) pollJSON(ctx context.Context, form url.Values, deviceCode authsome.Secret) (*Token, error) {
	return c.sendForToken(ctx, &request{
		op: opDeviceToken, method: http.MethodPost, url: c.Provider.TokenURL, params: form,
		format: authsome.BodyJSON, redact: c.redactor(deviceCode),
	})
}

func (c *Client) deviceFormat() authsome.BodyFormat {
	if c.Provider.DeviceTokenRequest == authsome.DeviceTokenJSON {
		return authsome.BodyJSON
	}
	return authsome.BodyForm
}

// identify names the client, if there is one, and authenticates it where it has a secret. Some servers read client_id
// from the body although RFC 8628 section 3.1 leaves it out of an authenticated request, so it is there always.
func (c *Client) identify(r *request) {
	if c.ClientID == "" {
		return
	}
	c.authenticate(r)
	set(r.params, c.clientIDParam(), c.ClientID)
}

// readDevice takes the codes out of an answer, or says why there are none.
func (c *Client) readDevice(r *request, a *answer) (*DeviceAuthorization, error) {
	m, err := c.granted(r, a)
	if err != nil {
		return nil, err
	}
	d := &DeviceAuthorization{
		DeviceCode: authsome.NewSecret(m.text("device_code")),
		UserCode:   m.text("user_code"),
		// Google, and drafts of the RFC, say URL.
		VerificationURI:         m.firstText("verification_uri", "verification_url"),
		VerificationURIComplete: m.firstText("verification_uri_complete", "verification_url_complete"),
		Interval:                defaultInterval,
		ExpiresAt:               a.sentAt.Add(defaultDeviceLifetime),
	}
	switch {
	case d.DeviceCode.IsZero():
		return nil, a.useless(r.op, "no device code in the answer")
	case d.UserCode == "" || hasControl(d.UserCode):
		return nil, a.useless(r.op, "no usable user code in the answer")
	}
	// A browser will be sent there.
	if !isPage(d.VerificationURI) {
		return nil, a.useless(r.op, "no usable verification URI in the answer")
	}
	if !isPage(d.VerificationURIComplete) {
		d.VerificationURIComplete = ""
	}
	if interval, known := lifetime(m["interval"]); known && interval > 0 {
		d.Interval = interval
	}
	if expiresIn, known := lifetime(m["expires_in"]); known && expiresIn > 0 {
		d.ExpiresAt = a.sentAt.Add(expiresIn)
	}
	return d, nil
}

// isPage reports whether a person can be sent to a URL: it is https, or on loopback.
func isPage(s string) bool {
	_, err := secureURL(opDeviceAuthorize, s)
	return err == nil && !hasControl(s)
}
