package local

import (
	"context"
	"fmt"

	"authsome"
)

var _ authsome.Importer = (*Layer)(nil)

// Import stores a login that was made elsewhere, as if it had been made here.
func (l *Layer) Import(ctx context.Context, login authsome.ImportedLogin) (*authsome.Connection, error) {
	ref, p, h, err := l.at(ctx, login.Ref)
	if err != nil {
		return nil, err
	}
	if h.connections[ref.Connection] != nil && !login.Replace {
		return nil, authsome.ErrKept
	}
	if p.AuthType != login.AuthType {
		return nil, &authsome.Error{
			Kind: authsome.KindUsage, Ref: ref,
			Message: fmt.Sprintf("the definition of %s takes credentials of the kind %s, not %s", p.Name, p.AuthType, login.AuthType),
			Hint:    fmt.Sprintf("authsome login %s", p.Name),
		}
	}
	c := l.newRecord(h, authsome.LoginRequest{Ref: ref, Flow: p.Flow, BaseURL: login.BaseURL})
	c.AuthType, c.AccessToken, c.RefreshToken = login.AuthType, sealed{login.Value}, sealed{login.RefreshToken}
	c.TokenType, c.Scopes, c.Account = login.TokenType, login.Scopes, login.Account
	if !login.ObtainedAt.IsZero() {
		c.ObtainedAt = login.ObtainedAt
	}
	if c.ExpiresAt = login.ExpiresAt; !login.ExpiresAt.IsZero() {
		c.Lifetime = int64(max(0, login.ExpiresAt.Sub(c.ObtainedAt).Seconds()))
	}
	client, err := l.importedClient(p, h, c, login)
	if err != nil {
		return nil, err
	}
	done, err := l.connected(ctx, p, h, newLogin{connection: c, client: client})
	if err != nil {
		return nil, err
	}
	if login.Default {
		if err := l.SetDefault(ctx, ref); err != nil {
			return nil, err
		}
	}
	return done.Connection, nil
}

// importedClient returns the client that a login was made with, and ties its refresh token to the server that the
// definition names: the old store did not keep where it came from.
func (l *Layer) importedClient(
	p *authsome.Provider, h *holding, c *connectionRecord, login authsome.ImportedLogin,
) (*registrationRecord, error) {
	if login.AuthType != authsome.AuthTypeOAuth2 {
		return nil, nil //nolint:nilnil // a key has no client
	}
	spec, err := serverOf(p, h.settings, login.BaseURL)
	if err != nil {
		return nil, err
	}
	c.TokenURL, c.ClientID = refreshURL(spec), login.ClientID
	if login.ClientID == "" {
		return nil, nil //nolint:nilnil // it cannot be refreshed, and says so then
	}
	r := &registrationRecord{SchemaVersion: schemaVersion, ClientID: login.ClientID, CreatedAt: l.now().UTC()}
	if known := h.registrations[login.ClientID]; known != nil {
		*r = *known
	}
	if !login.ClientSecret.IsZero() {
		r.ClientSecret = sealed{login.ClientSecret}
	}
	return r, nil
}
