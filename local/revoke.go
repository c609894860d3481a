package local

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"authsome"
	"authsome/internal/oauth"
	"authsome/vault"
)

// Revoke ends connections at the provider as far as it can, and here in any case.
func (l *Layer) Revoke(ctx context.Context, ref authsome.Ref) (*authsome.Revocation, error) {
	ref, p, h, err := l.at(ctx, ref)
	if err != nil {
		return nil, err
	}
	names := []authsome.ConnectionName{ref.Connection}
	all := ref.Connection == ""
	if all {
		names = sortedNames(h.connections)
	}
	if !all && h.connections[ref.Connection] == nil || all && len(names) == 0 && len(h.registrations) == 0 {
		return nil, l.absent(ctx, h.resolve(ref), h, !all)
	}
	report := &authsome.Revocation{}
	for _, name := range names {
		revoked, err := l.revokeOne(ctx, p, h, h.connections[name].ref)
		if err != nil {
			return report, err
		}
		report.Connections = append(report.Connections, revoked)
	}
	if all {
		report.RegistrationDeleted = len(h.registrations) > 0
		return report, l.deleteAll(ctx, providerKey(h.profile, h.provider))
	}
	return report, nil
}

// revokeOne revokes and forgets one connection under its lock: a token that is being rotated elsewhere is revoked in
// its new form.
func (l *Layer) revokeOne(
	ctx context.Context, p *authsome.Provider, h *holding, ref authsome.Ref,
) (authsome.RevokedConnection, error) {
	report := authsome.RevokedConnection{Ref: ref}
	unlock, err := l.lockOne(ctx, ref)
	if err != nil {
		return report, err
	}
	defer unlock()
	c, err := l.reread(ctx, ref)
	if err != nil {
		return report, gone(ref, err)
	}
	failed := ""
	if problem := l.revokeRemote(ctx, p, h, c); problem != nil {
		report.Problem = problem.Error()
		if !errors.Is(problem, errKeyRevocation) && !errors.Is(problem, errNoRevocation) {
			failed = report.Problem // the other two are how things are
		}
	}
	report.Remote = report.Problem == ""
	l.tidy(ctx, h.ownClient(c))
	if err := l.forgetLocked(ctx, h, ref); err != nil {
		return report, err
	}
	l.record(authsome.EventRevoke, ref, failed, map[string]string{"remote": strconv.FormatBool(report.Remote)})
	return report, nil
}

// What keeps a connection from being revoked at its provider.
var (
	errKeyRevocation = errors.New("an API key is revoked on the provider's own page")
	errNoRevocation  = errors.New("the provider offers no way to revoke a token")
	errNoClient      = errors.New("the OAuth client it was made with is not stored")
	errOtherServer   = errors.New("the definition names another token or revocation endpoint than at the login: the token is not told to that server")
)

func (l *Layer) revokeRemote(ctx context.Context, p *authsome.Provider, h *holding, c *connectionRecord) error {
	if c.AuthType != authsome.AuthTypeOAuth2 {
		return errKeyRevocation
	}
	spec, err := serverOf(p, h.settings, c.BaseURL)
	if err != nil {
		return err
	}
	if spec.RevocationURL == "" || spec.RevocationStyle == authsome.RevokeNone {
		return errNoRevocation
	}
	if !c.isFrom(spec) { // RFC 6749 section 10.4, as for a refresh
		return errOtherServer
	}
	client := h.registration(c)
	if client == nil && c.ClientID == "" && c.asksAgain() {
		client = &registrationRecord{} // the login was made without one
	}
	if client == nil {
		return errNoClient
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	err = l.client(spec, client).Revoke(ctx, oauth.LoginTokens{
		AccessToken: c.AccessToken.Secret, RefreshToken: c.RefreshToken.Secret, AccountID: c.Account.ID,
	})
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return errors.New(e.Reason)
	}
	return err
}

// isFrom reports whether the tokens may be revoked at a server as it is known now: it has the endpoints of the login, or revokes
// where it issues. Of tokens that a person has brought along nobody knows where they are from.
func (c *connectionRecord) isFrom(spec *authsome.OAuth) bool {
	if c.TokenURL == "" {
		return true
	}
	return c.TokenURL == refreshURL(spec) && c.mayBeTold(spec.RevocationURL, c.RevocationURL)
}

// mayBeTold reports whether an endpoint, as it is known now, may be told the tokens and the secret of the client: it is that of the
// login, or belongs to the server that issues the tokens.
func (c *connectionRecord) mayBeTold(endpoint, atLogin string) bool {
	return endpoint == atLogin || sameOrigin(c.TokenURL, endpoint)
}

func sameOrigin(a, b string) bool {
	u, err := url.Parse(a)
	v, otherErr := url.Parse(b)
	return err == nil && otherErr == nil && oauth.SameOrigin(u, v)
}

// deleteAll deletes every record below a prefix in one transaction.
func (l *Layer) deleteAll(ctx context.Context, prefix vault.Key) error {
	records, err := l.vault.List(ctx, prefix)
	if err != nil {
		return vaultError("the vault cannot be read", err)
	}
	changes := make([]vault.Change, len(records))
	for i, rec := range records {
		changes[i] = vault.Change{Key: rec.Key, Delete: true}
	}
	return l.apply(ctx, changes...)
}
