package local

import (
	"context"
	"fmt"
	"time"

	"authsome"
	"authsome/vault"
)

// List describes all connections of a profile as they are stored.
func (l *Layer) List(ctx context.Context, profile authsome.ProfileName) ([]authsome.Connection, error) {
	holdings, err := l.readAll(ctx, profile)
	if err != nil {
		return nil, err
	}
	var all []authsome.Connection
	for _, name := range sortedNames(holdings) {
		all = append(all, l.describeAll(holdings[name])...)
	}
	return all, nil
}

// readAll loads everything a profile has, by provider.
func (l *Layer) readAll(
	ctx context.Context, profile authsome.ProfileName,
) (map[authsome.ProviderName]*holding, error) {
	if profile == "" {
		profile = authsome.DefaultProfile
	}
	records, err := l.vault.List(ctx, profileKey(profile)+providersPrefix)
	if err != nil {
		return nil, vaultError("the vault cannot be read", err)
	}
	holdings := make(map[authsome.ProviderName]*holding)
	for _, rec := range records {
		name, ok := providerOfKey(rec.Key)
		if !ok {
			continue
		}
		h := holdings[name]
		if h == nil {
			h = newHolding(profile, name)
			holdings[name] = h
		}
		if err := h.add(rec); err != nil {
			return nil, vaultError("the vault cannot be read", err)
		}
	}
	for _, h := range holdings {
		h.settle()
	}
	return holdings, nil
}

// describe returns what may be known of a record.
func (l *Layer) describe(c *connectionRecord, h *holding) authsome.Connection {
	by, source := c.loginNeededBy()
	confidence := ""
	if source == authsome.LifeFromCatalogue {
		confidence = c.Login.Confidence
	}
	return authsome.Connection{
		LoginNeededBy: by, LoginNeededSource: source, LoginNeededConfidence: confidence, KeepAliveAt: c.keepAliveAt(),
		Ref: c.ref, AuthType: c.AuthType, Flow: c.Flow, Status: c.status(l.now()),
		Default: c.ref.Connection == h.defaultConnection(), BaseURL: c.BaseURL, APIHost: c.APIHost,
		Scopes: c.Scopes, Requested: c.Requested, TokenType: c.TokenType, Account: c.Account, Guard: c.Guard, Public: c.Public,
		ObtainedAt: c.ObtainedAt, ExpiresAt: c.ExpiresAt, Generation: c.Generation,
		Refreshable: c.renewable(), LastRefreshAt: c.Refresh.LastAt, LastRefreshError: c.Refresh.Reason,
		ErrorDescription: c.Refresh.Description, NextAttemptAt: c.Refresh.NextAttemptAt,
		RefreshExpiresAt: c.RefreshExpiresAt, ClockSkew: time.Duration(c.ClockSkew) * time.Second,
	}
}

func (l *Layer) describeAll(h *holding) []authsome.Connection {
	var all []authsome.Connection
	for _, name := range sortedNames(h.connections) {
		all = append(all, l.describe(h.connections[name], h))
	}
	return all
}

// SetDefault makes ref the connection that is meant when none is named.
func (l *Layer) SetDefault(ctx context.Context, ref authsome.Ref) error {
	_, h, c, err := l.lookup(ctx, ref)
	if err != nil {
		return err
	}
	h, unlock, err := l.lockSettings(ctx, h)
	if err != nil {
		return err
	}
	defer unlock()
	h.settings.DefaultConnection = c.ref.Connection
	change, err := h.settings.change(h.profile, h.provider)
	if err != nil {
		return err
	}
	return l.apply(ctx, change)
}

// SetGuard says what may come back in answers to requests with the connection's credential.
func (l *Layer) SetGuard(ctx context.Context, ref authsome.Ref, guard authsome.Guard) error {
	_, _, c, err := l.lookup(ctx, ref)
	if err != nil {
		return err
	}
	unlock, err := l.lockOne(ctx, c.ref)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := l.reread(ctx, c.ref) // a refresh may have rotated the token since
	if err != nil {
		return gone(c.ref, err)
	}
	now.Guard = guard
	if err := l.store(ctx, now); err != nil {
		return vaultError("the connection cannot be stored", err)
	}
	return nil
}

// Rename gives a connection another name.
func (l *Layer) Rename(ctx context.Context, ref authsome.Ref, to authsome.ConnectionName) error {
	if err := to.Validate(); err != nil {
		return err
	}
	_, h, c, err := l.lookup(ctx, ref)
	if err != nil {
		return err
	}
	renamed := c.ref
	renamed.Connection = to
	if _, taken := h.connections[to]; taken {
		return &authsome.Error{
			Kind: authsome.KindUsage, Ref: renamed, Message: fmt.Sprintf("there is a connection %s already", renamed),
			Hint: "choose another name, or authsome logout " + h.arguments(renamed),
		}
	}
	unlock, err := l.lockBoth(ctx, c.ref, renamed)
	if err != nil {
		return err
	}
	defer unlock()
	return l.move(ctx, h, c.ref, renamed)
}

// move re-reads under the locks, because a refresh may have rotated the token since, and writes old and new at once.
func (l *Layer) move(ctx context.Context, h *holding, from, to authsome.Ref) error {
	h, unlock, err := l.lockSettings(ctx, h)
	if err != nil {
		return err
	}
	defer unlock()
	c := h.connections[from.Connection]
	if c == nil {
		return notConnected(from, h)
	}
	removal := vault.Change{Key: connectionKey(from), Prev: c.version, Delete: true}
	c.ref, c.version = to, 0
	addition, err := c.change()
	if err != nil {
		return err
	}
	changes := []vault.Change{removal, addition}
	if h.defaultConnection() == from.Connection {
		h.settings.DefaultConnection = to.Connection
		settings, err := h.settings.change(h.profile, h.provider)
		if err != nil {
			return err
		}
		changes = append(changes, settings)
	}
	return l.apply(ctx, changes...)
}

// Logout forgets one connection.
func (l *Layer) Logout(ctx context.Context, ref authsome.Ref) error {
	_, h, c, err := l.lookup(ctx, ref)
	if err != nil {
		return err
	}
	if err := l.forget(ctx, h, c.ref); err != nil {
		return err
	}
	l.record(authsome.EventLogout, c.ref, "", nil)
	return nil
}

// forget deletes one connection, after a refresh in flight elsewhere has ended.
func (l *Layer) forget(ctx context.Context, h *holding, ref authsome.Ref) error {
	unlock, err := l.lockOne(ctx, ref)
	if err != nil {
		return err
	}
	defer unlock()
	return l.forgetLocked(ctx, h, ref)
}

// forgetLocked deletes one connection whose lock is held. When it was the default one and one other is left, that one
// becomes the default.
func (l *Layer) forgetLocked(ctx context.Context, h *holding, ref authsome.Ref) error {
	h, unlock, err := l.lockSettings(ctx, h)
	if err != nil {
		return err
	}
	defer unlock()
	changes := []vault.Change{{Key: connectionKey(ref), Delete: true}}
	if c := h.connections[ref.Connection]; c != nil {
		if client := h.ownClient(c); client != nil {
			changes = append(changes, client.removal(h))
		}
	}
	delete(h.connections, ref.Connection)
	if h.settings.DefaultConnection == ref.Connection {
		h.settings.DefaultConnection = ""
		if len(h.connections) == 1 {
			h.settings.DefaultConnection = sortedNames(h.connections)[0]
		}
		settings, err := h.settings.change(h.profile, h.provider)
		if err != nil {
			return err
		}
		changes = append(changes, settings)
	}
	return l.apply(ctx, changes...)
}

// apply writes changes at once.
func (l *Layer) apply(ctx context.Context, changes ...vault.Change) error {
	if err := l.vault.Apply(ctx, changes...); err != nil {
		return vaultError("the vault cannot be written", err)
	}
	return nil
}
