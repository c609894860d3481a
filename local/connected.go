package local

import (
	"context"

	"authsome"
	"authsome/vault"
)

// newRecord begins the record of a new login. It succeeds the existing one: same key, next generation, no history.
func (l *Layer) newRecord(h *holding, req authsome.LoginRequest) *connectionRecord {
	c := &connectionRecord{
		SchemaVersion: schemaVersion, AuthType: authsome.AuthTypeOAuth2, Flow: req.Flow, BaseURL: req.BaseURL,
		ObtainedAt: l.now().UTC(), ref: req.Ref, Generation: 1,
	}
	if req.Flow == authsome.FlowAPIKey {
		c.AuthType = authsome.AuthTypeAPIKey
	}
	if old := h.connections[req.Ref.Connection]; old != nil {
		c.Generation = old.Generation + 1
	}
	return c
}

// connected stores a new login: connection, client and settings in one transaction, under the connection's lock, so
// that a refresh of the connection it replaces has ended and cannot overwrite it.
func (l *Layer) connected(
	ctx context.Context, p *authsome.Provider, h *holding, c *connectionRecord, client *registrationRecord,
) (*authsome.Authorization, error) {
	unlock, err := l.lockOne(ctx, c.ref)
	if err != nil {
		return nil, err
	}
	defer unlock()
	h, unlockSettings, err := l.lockSettings(ctx, h)
	if err != nil {
		return nil, err
	}
	defer unlockSettings()
	changes, err := h.changesFor(c, client)
	if err != nil {
		return nil, err
	}
	if err := l.apply(ctx, changes...); err != nil {
		return nil, err
	}
	h.connections[c.ref.Connection] = c
	l.record(authsome.EventLogin, c.ref, "", map[string]string{"flow": string(c.Flow)})
	described := l.describe(c, h)
	return &authsome.Authorization{Provider: p, Connection: &described}, nil
}

// changesFor returns what a new login writes, over what is stored now.
func (h *holding) changesFor(c *connectionRecord, client *registrationRecord) ([]vault.Change, error) {
	if old := h.connections[c.ref.Connection]; old != nil {
		c.version = old.version
		c.Generation = max(c.Generation, old.Generation+1)
	}
	connection, err := c.change()
	if err != nil {
		return nil, err
	}
	changes := []vault.Change{connection}
	settings := *h.settings
	if len(h.connections) == 0 && c.ref.Connection != h.defaultConnection() {
		settings.DefaultConnection = c.ref.Connection // the only connection is the one that is meant
	}
	if client != nil {
		if known := h.registrations[client.ClientID]; known != nil {
			client.version = known.version
		}
		registration, err := client.change(h.profile, h.provider)
		if err != nil {
			return nil, err
		}
		changes = append(changes, registration)
		settings.ClientID = client.ClientID
	}
	if settings.DefaultConnection != h.settings.DefaultConnection || settings.ClientID != h.settings.ClientID {
		change, err := settings.change(h.profile, h.provider)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	*h.settings = settings
	return changes, nil
}
