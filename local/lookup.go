package local

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"authsome"
	"authsome/vault"
)

// holding is everything a profile has at one provider, read from the vault at one moment.
type holding struct {
	profile       authsome.ProfileName
	provider      authsome.ProviderName
	settings      *settingsRecord
	registrations map[string]*registrationRecord // by client identifier
	connections   map[authsome.ConnectionName]*connectionRecord
}

// read loads what a profile has at a provider in one listing.
func (l *Layer) read(ctx context.Context, p authsome.ProfileName, name authsome.ProviderName) (*holding, error) {
	records, err := l.vault.List(ctx, providerKey(p, name))
	if err != nil {
		return nil, vaultError("the vault cannot be read", err)
	}
	h := newHolding(p, name)
	for _, rec := range records {
		if err := h.add(rec); err != nil {
			return nil, vaultError("the vault cannot be read", err)
		}
	}
	h.settle()
	return h, nil
}

// settle notes with the connections what only the whole tells.
func (h *holding) settle() {
	if c := h.connections[authsome.DefaultConnection]; c != nil {
		c.passedOver = h.passesOver(c.ref)
	}
}

func newHolding(p authsome.ProfileName, name authsome.ProviderName) *holding {
	return &holding{
		profile: p, provider: name, settings: &settingsRecord{SchemaVersion: schemaVersion},
		registrations: make(map[string]*registrationRecord),
		connections:   make(map[authsome.ConnectionName]*connectionRecord),
	}
}

func (h *holding) add(rec vault.Record) error {
	switch {
	case rec.Key == settingsKey(h.profile, h.provider):
		s, err := decodeSettings(rec)
		h.settings = s
		return err
	case isRegistrationKey(rec.Key):
		r, err := decodeRegistration(rec)
		if err == nil {
			h.registrations[r.ClientID] = r
		}
		return err
	}
	c, err := decodeConnection(rec)
	if err == nil {
		h.connections[c.ref.Connection] = c
	}
	return err
}

// defaultConnection returns the name that is meant when none is given.
func (h *holding) defaultConnection() authsome.ConnectionName {
	if h.settings.DefaultConnection != "" {
		return h.settings.DefaultConnection
	}
	return authsome.DefaultConnection
}

// resolve fills in what a Ref leaves open.
func (h *holding) resolve(ref authsome.Ref) authsome.Ref {
	ref.Profile = h.profile
	if ref.Connection == "" {
		ref.Connection = h.defaultConnection()
	}
	return ref
}

// registration returns the client that a connection was made with, or nil.
func (h *holding) registration(c *connectionRecord) *registrationRecord {
	return h.registrations[c.ClientID]
}

// at returns the definition of a provider and what the profile has there. The Ref it returns names the profile.
func (l *Layer) at(ctx context.Context, ref authsome.Ref) (authsome.Ref, *authsome.Provider, *holding, error) {
	ref, err := normalize(ref)
	if err != nil {
		return ref, nil, nil, err
	}
	p, err := l.catalogue.Lookup(ref.Provider)
	if err != nil {
		return ref, nil, nil, err
	}
	h, err := l.read(ctx, ref.Profile, ref.Provider)
	return ref, p, h, err
}

// lookup finds one connection and its definition.
func (l *Layer) lookup(ctx context.Context, ref authsome.Ref) (*authsome.Provider, *holding, *connectionRecord, error) {
	ref, p, h, err := l.at(ctx, ref)
	if err != nil {
		return nil, nil, nil, err
	}
	named := ref.Connection != ""
	ref = h.resolve(ref)
	c := h.connections[ref.Connection]
	if c == nil {
		return p, h, nil, l.absent(ctx, ref, h, named)
	}
	return p, h, c, nil
}

// absent is notConnected in the words for who may have meant another connection, or has mistyped the profile.
func (l *Layer) absent(ctx context.Context, ref authsome.Ref, h *holding, named bool) error {
	e := notConnected(ref, h)
	if there := sortedNames(h.connections); len(there) > 0 {
		if !named {
			e.Hint = fmt.Sprintf("name one with --connection, or choose for good: authsome connection set-default %s %s%s",
				ref.Provider, there[0], profileFlag(ref.Profile))
		}
		return e
	}
	if ref.Profile == authsome.DefaultProfile {
		return e
	}
	if known, err := l.ListProfiles(ctx); err == nil && !slices.Contains(known, ref.Profile) {
		e.Message += fmt.Sprintf(": there is no profile %s", ref.Profile)
	}
	return e
}

// reread loads the present record of a connection. It fails with vault.ErrNotFound when the connection has gone.
func (l *Layer) reread(ctx context.Context, ref authsome.Ref) (*connectionRecord, error) {
	rec, err := l.vault.Get(ctx, connectionKey(ref))
	if err != nil {
		return nil, err
	}
	return decodeConnection(rec)
}

// again is reread for a record that was read along with its whole, of which it keeps what only the whole tells.
func (l *Layer) again(ctx context.Context, seen *connectionRecord) (*connectionRecord, error) {
	c, err := l.reread(ctx, seen.ref)
	if err == nil {
		c.passedOver = seen.passedOver
	}
	return c, err
}

// normalize checks the names of a Ref and fills in the default profile.
func normalize(ref authsome.Ref) (authsome.Ref, error) {
	if ref.Profile == "" {
		ref.Profile = authsome.DefaultProfile
	}
	return ref, ref.Validate()
}

func notConnected(ref authsome.Ref, h *holding) *authsome.Error {
	e := &authsome.Error{
		Kind: authsome.KindConnectionNotFound, Ref: ref,
		Message: fmt.Sprintf("not connected to %s", ref),
		Hint:    "authsome login " + Arguments(ref),
	}
	if h != nil && len(h.connections) > 0 {
		e.Message += fmt.Sprintf(", only to %s", joinNames(sortedNames(h.connections)))
		e.Hint = "authsome login " + h.arguments(ref)
	}
	return e
}

// gone turns the vault's not-found into the error a caller expects.
func gone(ref authsome.Ref, err error) error {
	if errors.Is(err, vault.ErrNotFound) {
		return notConnected(ref, nil)
	}
	return vaultError("the vault cannot be read", err)
}
