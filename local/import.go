package local

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"authsome"
	"authsome/internal/provider"
	"authsome/vault"
)

var (
	_ authsome.Importer = (*Layer)(nil)
	_ authsome.Holder   = (*Layer)(nil)
)

// ImportClient stores an OAuth client. New logins use it, unless the profile has chosen one already, or the definition has
// clients registered on the spot: then it serves only the connections that came with it.
func (l *Layer) ImportClient(ctx context.Context, in authsome.ImportedClient) (bool, error) {
	ref, p, h, err := l.at(ctx, authsome.Ref{Profile: in.Profile, Provider: in.Provider})
	if err != nil {
		return false, err
	}
	if p.AuthType != authsome.AuthTypeOAuth2 || in.ClientID == "" {
		return false, &authsome.Error{
			Kind: authsome.KindUsage, Ref: ref, Message: fmt.Sprintf("%s has no use for an OAuth client", p.Name),
		}
	}
	h, unlock, err := l.lockSettings(ctx, h)
	if err != nil {
		return false, err
	}
	defer unlock()
	if h.registrations[in.ClientID] != nil {
		return false, nil
	}
	r := importedClient(p, in, l.now())
	registration, err := r.change(h.profile, h.provider)
	if err != nil {
		return false, err
	}
	changes := []vault.Change{registration}
	if !r.Dynamic && h.settings.ClientID == "" {
		h.settings.ClientID = r.ClientID
		settings, err := h.settings.change(h.profile, h.provider)
		if err != nil {
			return false, err
		}
		changes = append(changes, settings)
	}
	return true, l.apply(ctx, changes...)
}

func importedClient(p *authsome.Provider, in authsome.ImportedClient, now time.Time) *registrationRecord {
	r := &registrationRecord{
		SchemaVersion: schemaVersion, ClientID: in.ClientID, ClientSecret: sealed{in.ClientSecret}, CreatedAt: now.UTC(),
	}
	if p.Flow != authsome.FlowDCRPKCE {
		return r
	}
	// Nobody has entered it anywhere: the other program has registered it, RFC 7591.
	r.Dynamic, r.AuthMethod = true, authsome.ClientAuthNone
	if !in.ClientSecret.IsZero() {
		r.AuthMethod = authsome.ClientAuthPost
	}
	return r
}

// ImportConnection stores a connection that another program has made.
func (l *Layer) ImportConnection(ctx context.Context, in authsome.ImportedConnection) (bool, error) {
	ref, p, h, err := l.at(ctx, in.Ref)
	if err != nil {
		return false, err
	}
	in.Ref = h.resolve(ref)
	if h.connections[in.Ref.Connection] != nil && !in.Replace {
		return false, nil
	}
	req := authsome.LoginRequest{Ref: in.Ref, Flow: p.Flow, BaseURL: ownBaseURL(p, in.BaseURL)}
	ask, err := baseURL(p, &req)
	if err != nil {
		return false, err
	}
	if ask != nil {
		return false, wantsMore(p, in.Ref, ask.Fields[0].Label)
	}
	c := l.newRecord(h, req)
	c.adopt(in)
	login := newLogin{connection: c, source: in.Source, keep: !in.Replace}
	if p.AuthType == authsome.AuthTypeOAuth2 {
		login.server, err = l.adoptTokens(ctx, p, h, c, in)
	} else {
		err = c.adoptKey(p, in)
	}
	if err != nil {
		return false, err
	}
	done, err := l.connected(ctx, p, h, login)
	if err != nil {
		return false, err
	}
	return !done.AlreadyConnected, nil
}

// ownBaseURL returns the base URL to store: none where it is the definition's own, so that the definition may change it.
func ownBaseURL(p *authsome.Provider, given string) string {
	if strings.TrimRight(given, "/") == strings.TrimRight(provider.BaseURL(p, ""), "/") {
		return ""
	}
	return given
}

// adopt takes over what every connection has.
func (c *connectionRecord) adopt(in authsome.ImportedConnection) {
	c.Account = in.Account
	if !in.ObtainedAt.IsZero() {
		c.ObtainedAt = in.ObtainedAt.UTC()
	}
	c.Invalid = in.Invalid
	c.Refresh = refreshState{LastAt: in.LastRefreshAt.UTC(), Reason: in.LastRefreshError}
	if in.Invalid && c.Refresh.Reason == "" {
		c.Refresh.Reason = reasonImportedInvalid
	}
}

// reasonImportedInvalid is why a connection is invalid that was so elsewhere.
const reasonImportedInvalid = "refused by the provider before it was imported"

// adoptTokens takes over what an OAuth login has led to, and returns the server that was discovered for it. The refresh
// token is bound to the endpoint of the definition: where it came from had one of the same name.
func (l *Layer) adoptTokens(
	ctx context.Context, p *authsome.Provider, h *holding, c *connectionRecord, in authsome.ImportedConnection,
) (*authsome.OAuth, error) {
	spec, found, err := l.loginServer(ctx, p, h, authsome.LoginRequest{Ref: in.Ref, BaseURL: c.BaseURL})
	if err != nil {
		return nil, err
	}
	c.AccessToken, c.RefreshToken = sealed{in.Value}, sealed{in.RefreshToken}
	c.bindTo(spec)
	c.ClientID, c.Scopes = in.ClientID, in.Scopes
	c.TokenType = cmp.Or(in.TokenType, "Bearer")
	if !in.ExpiresAt.IsZero() {
		c.ExpiresAt = in.ExpiresAt.UTC()
		c.Lifetime = max(0, int64(c.ExpiresAt.Sub(c.ObtainedAt)/time.Second))
	}
	return found, nil
}

// adoptKey takes over a key. One that consists of several values cannot come from a program that keeps one.
func (c *connectionRecord) adoptKey(p *authsome.Provider, in authsome.ImportedConnection) error {
	for _, f := range p.KeyFields() {
		if f.Name != p.AuthType.SecretField() && !f.Optional {
			return wantsMore(p, in.Ref, f.Label)
		}
	}
	c.AuthType = p.AuthType
	c.keep(p, map[authsome.FieldName]authsome.Secret{p.AuthType.SecretField(): in.Value})
	return nil
}

func wantsMore(p *authsome.Provider, ref authsome.Ref, label string) error {
	return &authsome.Error{
		Kind: authsome.KindUsage, Ref: ref, Message: fmt.Sprintf("%s also wants the %s", p.Name, label),
		Hint: "authsome login " + Arguments(ref),
	}
}

// Holders tells who holds the given values.
func (l *Layer) Holders(
	ctx context.Context, profile authsome.ProfileName, values []authsome.Secret,
) ([][]authsome.Ref, error) {
	holdings, err := l.readAll(ctx, profile)
	if err != nil {
		return nil, err
	}
	by := make(map[string][]authsome.Ref)
	note := func(ref authsome.Ref, held ...authsome.Secret) {
		for _, s := range held {
			if !s.IsZero() {
				by[s.Reveal()] = append(by[s.Reveal()], ref)
			}
		}
	}
	for _, name := range sortedNames(holdings) {
		h := holdings[name]
		for _, r := range h.registrations {
			note(authsome.Ref{Profile: h.profile, Provider: name}, authsome.NewSecret(r.ClientID), r.ClientSecret.Secret)
		}
		for _, connection := range sortedNames(h.connections) {
			c := h.connections[connection]
			note(c.ref, c.AccessToken.Secret)
			for _, value := range c.values() {
				note(c.ref, value)
			}
		}
	}
	found := make([][]authsome.Ref, len(values))
	for i, v := range values {
		found[i] = by[v.Reveal()]
	}
	return found, nil
}
