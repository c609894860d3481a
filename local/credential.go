package local

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"authsome"
	"authsome/internal/oauth"
	"authsome/internal/provider"
	"authsome/internal/sigv4"
)

// Credential returns a credential that is good now, refreshing it first where its age or the options demand it.
func (l *Layer) Credential(
	ctx context.Context, ref authsome.Ref, opts authsome.CredentialOptions,
) (*authsome.Credential, error) {
	p, h, c, warning, err := l.access(ctx, ref, opts)
	if err != nil {
		return nil, err
	}
	cred, err := credential(p, h.settings.Server, c, l.now, warning)
	if err != nil {
		return nil, err
	}
	if err := l.recordUse(cred.Ref); err != nil {
		return nil, err
	}
	return cred, nil
}

// Connection describes a connection after the same check. A refresh that failed is the description's warning.
func (l *Layer) Connection(
	ctx context.Context, ref authsome.Ref, opts authsome.CredentialOptions,
) (*authsome.Connection, error) {
	_, h, c, warning, err := l.access(ctx, ref, opts)
	if c == nil || authsome.KindOf(err) == authsome.KindCancelled {
		return nil, err
	}
	if err != nil {
		warning = authsome.AsError(err)
	}
	described := l.describe(c, h)
	described.Warning = warning
	return &described, nil
}

// access is every access call: it finds the record and brings it up to date. It returns the record as it now stands,
// also with an error, what it lay beside, and a warning when the record could not be renewed but is good still.
func (l *Layer) access(ctx context.Context, ref authsome.Ref, opts authsome.CredentialOptions) (
	p *authsome.Provider, h *holding, c *connectionRecord, warning *authsome.Error, err error,
) {
	p, h, c, err = l.lookup(ctx, ref)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	c, warning, err = l.good(ctx, p, h, c, opts)
	l.notice(ctx, c)
	return p, h, c, warning, err
}

// good returns the record in the state that the caller wants it in, refreshed if need be.
func (l *Layer) good(
	ctx context.Context, p *authsome.Provider, h *holding, c *connectionRecord, opts authsome.CredentialOptions,
) (_ *connectionRecord, warning *authsome.Error, err error) {
	for range maxJoins {
		switch c.decide(opts, h.registration(c), l.now()) {
		case serve:
			return c, nil, nil
		case refuse, wait:
			warning, err = l.settle(c)
			return c, warning, err
		}
		seen := c.Generation
		c, warning, err = l.refresh(ctx, p, c, opts)
		if err != nil || warning != nil || c.Generation != seen {
			break
		}
	}
	return c, warning, err
}

// maxJoins is how often an access call takes part in a refresh. One that others have begun may be less than it asks for:
// they find a token good enough that it wants to be renewed.
const maxJoins = 3

// settle decides what a caller gets when a record that should have been renewed was not: the stored token with a
// warning while it lives, an error afterwards.
func (l *Layer) settle(c *connectionRecord) (warning *authsome.Error, err error) {
	failure := c.failure()
	if c.alive(l.now()) {
		return failure, nil
	}
	return nil, failure
}

// credential turns a record into what goes on the wire. The endpoints of a server that was discovered are as closed to
// it as those of the definition.
func credential(
	p *authsome.Provider, server *authsome.OAuth, c *connectionRecord, now func() time.Time, warning *authsome.Error,
) (*authsome.Credential, error) {
	hosts, excluded, err := provider.Patterns(p, c.BaseURL, c.APIHost)
	if err != nil {
		return nil, err
	}
	if server != nil {
		discovered, err := provider.OwnEndpoints(p, server)
		if err != nil {
			return nil, err
		}
		excluded = append(excluded, discovered...)
	}
	variants, err := provider.Variants(p, c.BaseURL, c.APIHost)
	if err != nil {
		return nil, err
	}
	inject := provider.Injection(p)
	signer, err := c.signer(inject, now)
	if err != nil {
		return nil, err
	}
	fields := c.values()
	if namesClient(p) {
		fields = map[authsome.FieldName]authsome.Secret{authsome.FieldClientID: authsome.NewSecret(c.ClientID)}
	}
	return &authsome.Credential{
		Ref: c.ref, AuthType: c.AuthType, Value: c.AccessToken.Secret, TokenType: c.TokenType, Scopes: c.Scopes,
		ExpiresAt: c.ExpiresAt, FreshUntil: c.freshUntil(), Generation: c.Generation,
		Fields: fields, Public: slices.Collect(maps.Keys(c.Public)), Signer: signer, Inject: inject, Variants: variants,
		Hosts: hosts, Excluded: excluded, Warning: warning,
	}, nil
}

// namesClient reports whether requests to an API name the client that the token was issued to (Twitch).
func namesClient(p *authsome.Provider) bool {
	return p.AuthType == authsome.AuthTypeOAuth2 && provider.Injection(p).Mentions(authsome.FieldClientID)
}

// signer returns what authenticates requests one by one, or nil where a header does.
func (c *connectionRecord) signer(inject authsome.Injection, now func() time.Time) (authsome.Signer, error) {
	if c.AuthType == authsome.AuthTypeSigV4 {
		return &sigv4.Signer{
			AccessKeyID: c.Public[authsome.FieldAccessKeyID], Secret: c.AccessToken.Secret,
			SessionToken: c.Fields[authsome.FieldSessionToken].Secret, Service: inject.Service,
			Region: cmp.Or(c.Public[authsome.FieldRegion], inject.Region), Now: now,
		}, nil
	}
	if c.DPoPKey.IsZero() {
		return nil, nil //nolint:nilnil // most credentials need none
	}
	key, err := oauth.ParseDPoPKey(c.DPoPKey.Secret)
	if err != nil {
		return nil, &authsome.Error{
			Kind: authsome.KindRefreshFailed, Ref: c.ref, Message: "the key that the token of " + c.ref.String() + " is bound to cannot be read",
			Hint: "authsome login " + c.arguments() + " --force", Err: err,
		}
	}
	return &oauth.DPoPSigner{Key: key, Token: c.AccessToken.Secret, Now: now}, nil
}
