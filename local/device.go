package local

import (
	"context"
	"fmt"

	"authsome"
	"authsome/internal/oauth"
)

// authorizeDevice takes the next step of the device authorization grant, RFC 8628.
func (l *Layer) authorizeDevice(
	ctx context.Context, p *authsome.Provider, h *holding, req authsome.LoginRequest,
) (*authsome.Authorization, error) {
	spec, found, err := l.loginServer(ctx, p, h, req)
	if err != nil {
		return nil, err
	}
	if spec.DeviceAuthorizationURL == "" {
		return nil, noDeviceEndpoint(p)
	}
	if spec.DeviceClientAuth != "" {
		spec.ClientAuth = spec.DeviceClientAuth
	}
	client := l.chooseRegistration(h, spec, req.Fields)
	if client == nil && knowsClients(p) {
		known := h.registrations[req.Fields[authsome.FieldClientID].Reveal()] != nil
		return &authsome.Authorization{Provider: p, Fields: clientFields(p, spec, known)}, nil
	}
	if client == nil {
		client = &registrationRecord{}
	}
	b := &begunLogin{
		ref: req.Ref, provider: p, spec: spec, found: found, client: client, flow: req.Flow, baseURL: req.BaseURL, scopes: req.Scopes,
		forced: req.Force,
	}
	if len(b.scopes) == 0 {
		b.scopes = spec.Scopes
	}
	if err := b.bind(); err != nil {
		return nil, err
	}
	if b.device, err = l.deviceClient(b).DeviceAuthorize(ctx, b.scopes); err != nil {
		if ctx.Err() != nil {
			return nil, cancelledLogin(req.Ref, err)
		}
		return nil, b.failed(err)
	}
	return &authsome.Authorization{ID: l.begin(b), Provider: p, Device: &authsome.DeviceAuthorization{
		UserCode: b.device.UserCode, VerificationURI: b.device.VerificationURI,
		VerificationURIComplete: b.device.VerificationURIComplete, ExpiresAt: b.device.ExpiresAt.UTC(),
	}}, nil
}

// knowsClients reports whether a device needs a registered client. Servers that are polled with the device code alone
// tell nobody's clients apart, unless the definition names where the client comes from.
func knowsClients(p *authsome.Provider) bool {
	return p.Client != nil || p.OAuth.DeviceTokenRequest != authsome.DeviceTokenJSON
}

// deviceClient is a client each of whose requests is bounded in time, so that a poll which hangs does not end the login.
func (l *Layer) deviceClient(b *begunLogin) *oauth.Client {
	c := l.loginClient(b)
	bounded := *l.http
	bounded.Timeout = l.timeout
	c.HTTP = &bounded
	return c
}

// awaitDevice polls until the person has decided. What comes of it is stored although ctx may have ended just then: it
// is a grant that only we know of.
func (l *Layer) awaitDevice(ctx context.Context, b *begunLogin, _ string) (*authsome.Connection, error) {
	token, err := l.deviceClient(b).AwaitDeviceToken(ctx, b.device)
	switch {
	case err == nil:
		return l.admit(context.WithoutCancel(ctx), b, token)
	case ctx.Err() != nil:
		return nil, cancelledLogin(b.ref, err)
	default:
		return nil, err
	}
}

func cancelledLogin(ref authsome.Ref, err error) *authsome.Error {
	return &authsome.Error{
		Kind: authsome.KindCancelled, Ref: ref, Message: "the login was cancelled", Hint: "authsome login " + Arguments(ref),
		Err: err,
	}
}

// noDeviceEndpoint refuses the flow at a provider that does not have it.
func noDeviceEndpoint(p *authsome.Provider) error {
	e := &authsome.Error{
		Kind: authsome.KindUsage, Ref: authsome.Ref{Provider: p.Name},
		Message: fmt.Sprintf("the flow %q cannot be used to log in to %s: no device_authorization_url is known",
			authsome.FlowDeviceCode, p.Name),
		Hint: fmt.Sprintf("authsome login %s --with-token", p.Name),
	}
	if p.OAuth.AuthorizationURL != "" {
		e.Hint = fmt.Sprintf("authsome login %s --flow %s, or --with-token", p.Name, authsome.FlowPKCE)
	}
	return e
}
