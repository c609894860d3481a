package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"authsome"
	"authsome/internal/oauth"
	"authsome/internal/provider"
	"authsome/internal/shell"
)

// What has changed since the last login where the server is discovered.
const (
	reasonIssuerChanged = "issuer_changed"
	reasonEndpointMoved = "endpoint_changed"
)

// discoveryLife is how long what was discovered is not asked for again: a login asks for its next step several times.
const discoveryLife = 10 * time.Minute

// serverOf returns a provider's authorization server: what the definition says, completed by what was discovered at the
// last login.
func serverOf(p *authsome.Provider, settings *settingsRecord, baseURL string) (*authsome.OAuth, error) {
	spec, err := provider.Expand(p, baseURL)
	if err != nil || spec.Discovery == "" || settings.Server == nil {
		return spec, err
	}
	return complete(spec, settings.Server), nil
}

// complete fills in what a definition leaves to discovery. What it says itself stands, except for the resource: the
// definition has the URL at which discovery began, the server the identifier.
func complete(spec, found *authsome.OAuth) *authsome.OAuth {
	c := *spec
	for _, e := range []struct {
		to   *string
		from string
	}{
		{&c.Issuer, found.Issuer},
		{&c.AuthorizationURL, found.AuthorizationURL},
		{&c.TokenURL, found.TokenURL},
		{&c.RevocationURL, found.RevocationURL},
		{&c.DeviceAuthorizationURL, found.DeviceAuthorizationURL},
		{&c.RegistrationEndpoint, found.RegistrationEndpoint},
		{&c.PushedAuthorizationURL, found.PushedAuthorizationURL},
		{&c.IntrospectionURL, found.IntrospectionURL},
	} {
		*e.to = cmp.Or(*e.to, e.from)
	}
	c.Resource = cmp.Or(found.Resource, c.Resource)
	if len(c.Scopes) == 0 {
		c.Scopes = found.Scopes
	}
	if c.PKCE == "" {
		c.PKCE = found.PKCE
	}
	if c.ClientAuth == "" {
		c.ClientAuth, c.SecretOptional = found.ClientAuth, c.SecretOptional || found.SecretOptional
	}
	c.RequirePAR = c.RequirePAR || found.RequirePAR
	c.IssRequired = c.IssRequired || found.IssRequired
	c.ClientIDMetadata = c.ClientIDMetadata || found.ClientIDMetadata
	c.DPoP = c.DPoP || found.DPoP
	c.SupportsDCR = c.SupportsDCR || found.SupportsDCR
	return &c
}

// loginServer returns the server to log in to, and what is to be kept of it: of a definition with discovery what the
// metadata say now. Where that leads elsewhere than at the last login, the person has to agree first: secrets would go to
// somebody else.
func (l *Layer) loginServer(
	ctx context.Context, p *authsome.Provider, h *holding, req authsome.LoginRequest,
) (spec, found *authsome.OAuth, err error) {
	spec, err = provider.Expand(p, req.BaseURL)
	if err != nil || spec.Discovery == "" {
		return spec, nil, err
	}
	found, err = l.discover(ctx, req.Ref, spec)
	if err != nil {
		return nil, nil, err
	}
	if err := agreed(req, h.settings.Server, found); err != nil {
		return nil, nil, err
	}
	return complete(spec, found), found, nil
}

// agreed fails when discovery leads to another server than the one that is known, and the person has not accepted it.
func agreed(req authsome.LoginRequest, known, found *authsome.OAuth) error {
	if known == nil || req.AcceptIssuer != "" && req.AcceptIssuer == found.Issuer {
		return nil
	}
	var reason, was, is string
	switch {
	case known.Issuer != found.Issuer:
		reason, was, is = reasonIssuerChanged, "the issuer "+known.Issuer, found.Issuer
	case refreshURL(known) != refreshURL(found):
		reason, was, is = reasonEndpointMoved, "the token endpoint "+refreshURL(known), refreshURL(found)
	default:
		return nil
	}
	return &authsome.Error{
		Kind: authsome.KindLoginFailed, Ref: req.Ref, Reason: reason,
		Message: fmt.Sprintf("%s now wants logins at another place: instead of %s, %s", req.Ref.Provider, was, is),
		Hint: fmt.Sprintf("if you expect that: authsome login %s --accept-issuer %s",
			Arguments(req.Ref), shell.Word(found.Issuer)), // which the server chooses
	}
}

// discover reads the metadata of a server, once for all steps of a login.
func (l *Layer) discover(ctx context.Context, ref authsome.Ref, spec *authsome.OAuth) (*authsome.OAuth, error) {
	from := spec.Issuer
	if spec.Discovery == authsome.DiscoverResource {
		from = spec.Resource
	}
	l.mu.Lock()
	known := l.discovered[from]
	l.mu.Unlock()
	if known.server != nil && l.now().Sub(known.at) < discoveryLife {
		return known.server, nil
	}
	found, err := l.probe(ctx, spec.Discovery, from)
	if err != nil {
		return nil, discoveryError(ref, from, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.discovered[from] = discovery{server: &found.Server, at: l.now()}
	return &found.Server, nil
}

func (l *Layer) probe(ctx context.Context, kind authsome.Discovery, from string) (*oauth.Discovered, error) {
	d := &oauth.Discoverer{HTTP: l.http, Logger: l.log}
	if kind == authsome.DiscoverResource {
		return d.Resource(ctx, from)
	}
	return d.Issuer(ctx, from)
}

// discovery is what was found at a URL.
type discovery struct {
	server *authsome.OAuth
	at     time.Time
}

func discoveryError(ref authsome.Ref, from string, err error) error {
	e := &authsome.Error{
		Kind: authsome.KindLoginFailed, Ref: ref, Reason: "discovery",
		Err: err, Hint: "authsome --verbose shows every address that was tried",
	}
	e.Message = fmt.Sprintf("how to log in to %s cannot be found out: %s", from, explained(err))
	return e
}

// explained is a failed discovery in one line, with what was found at each place.
func explained(err error) string {
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		return err.Error()
	}
	if e.Err == nil || e.Class == oauth.ClassTransient {
		return e.Reason
	}
	return fmt.Sprintf("%s (%s)", e.Reason, strings.ReplaceAll(e.Err.Error(), "\n", "; "))
}
