package local

import (
	"context"
	"errors"
	"time"

	"authsome"
	"authsome/vault"
)

// newRecord begins the record of a new login. It succeeds the existing one: same key, next generation, no history.
func (l *Layer) newRecord(h *holding, req authsome.LoginRequest) *connectionRecord {
	c := &connectionRecord{
		SchemaVersion: schemaVersion, AuthType: authsome.AuthTypeOAuth2, Flow: req.Flow, BaseURL: req.BaseURL,
		ObtainedAt: l.now().UTC(), ref: req.Ref, Generation: 1,
	}
	if old := h.connections[req.Ref.Connection]; old != nil {
		c.Generation = old.Generation + 1
		c.Noticed = old.Noticed // so that a person who was told of its end is told that it is over
	}
	return c
}

// newLogin is what a login leads to.
type newLogin struct {
	connection *connectionRecord
	client     *registrationRecord // nil: it needs none
	server     *authsome.OAuth     // what was discovered; nil: nothing was
	source     string              // where it was imported from; empty: the provider
	keep       bool                // an older connection of the same name stays
}

// connected stores a new login, and has the server forget the client that nobody uses any more.
func (l *Layer) connected(
	ctx context.Context, p *authsome.Provider, h *holding, login newLogin,
) (*authsome.Authorization, error) {
	done, abandoned, err := l.connect(ctx, p, h, login)
	l.tidy(ctx, abandoned) // without the locks, since that server may take its time
	return done, err
}

// connect stores connection, client and settings in one transaction, under the connection's lock, so that a refresh of the
// connection it replaces has ended and cannot overwrite it. It returns the client that nobody uses any more.
func (l *Layer) connect(
	ctx context.Context, p *authsome.Provider, h *holding, login newLogin,
) (_ *authsome.Authorization, abandoned *registrationRecord, err error) {
	c := login.connection
	unlock, err := l.lockOne(ctx, c.ref)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	h, unlockSettings, err := l.lockSettings(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	defer unlockSettings()
	if older := h.connections[c.ref.Connection]; older != nil && login.keep {
		described := l.describe(older, h)
		return &authsome.Authorization{Provider: p, Connection: &described, AlreadyConnected: true}, nil, nil
	}
	h, abandoned, err = l.storeLogin(ctx, h, login)
	if err != nil {
		return nil, nil, err
	}
	h.connections[c.ref.Connection] = c
	l.record(authsome.EventLogin, c.ref, "", login.detail())
	l.notice(ctx, c)
	described := l.describe(c, h)
	return &authsome.Authorization{Provider: p, Connection: &described}, abandoned, nil
}

// storeLogin writes a new login, and returns what it lies beside and the client that nobody uses any more. When somebody
// who knows no locks has written meanwhile, it is written over that: its tokens exist nowhere else.
func (l *Layer) storeLogin(ctx context.Context, h *holding, login newLogin) (*holding, *registrationRecord, error) {
	for attempt := 1; ; attempt++ {
		abandoned := h.abandonedBy(login.connection)
		changes, err := h.changesFor(login, l.now().UTC())
		if err != nil {
			return nil, nil, err
		}
		if abandoned != nil {
			changes = append(changes, abandoned.removal(h))
		}
		err = l.apply(ctx, changes...)
		if !errors.Is(err, vault.ErrConflict) || attempt == commitAttempts {
			return h, abandoned, err
		}
		if h, err = l.read(ctx, h.profile, h.provider); err != nil {
			return nil, nil, err
		}
	}
}

// detail is what the audit log says of a login.
func (n newLogin) detail() map[string]string {
	detail := map[string]string{"flow": string(n.connection.Flow)}
	if n.source != "" {
		detail["imported_from"] = n.source
	}
	return detail
}

// abandonedBy returns the dynamic client that nobody uses any more when c has taken the place of its predecessor.
func (h *holding) abandonedBy(c *connectionRecord) *registrationRecord {
	old := h.connections[c.ref.Connection]
	if old == nil || old.ClientID == c.ClientID {
		return nil
	}
	return h.ownClient(old)
}

// changesFor returns what a new login writes, over what is stored now.
func (h *holding) changesFor(login newLogin, now time.Time) ([]vault.Change, error) {
	c, client := login.connection, login.client
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
		if !client.Dynamic {
			settings.ClientID = client.ClientID
		}
	}
	if login.server != nil {
		settings.Server, settings.DiscoveredAt = login.server, now
	}
	if login.server != nil || settings.DefaultConnection != h.settings.DefaultConnection ||
		settings.ClientID != h.settings.ClientID {
		change, err := settings.change(h.profile, h.provider)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	*h.settings = settings
	return changes, nil
}
