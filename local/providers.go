package local

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"authsome"
	"authsome/internal/provider"
)

// Provider returns one definition with what the profile has there.
func (l *Layer) Provider(
	ctx context.Context, profile authsome.ProfileName, name authsome.ProviderName,
) (*authsome.ProviderState, error) {
	_, p, h, err := l.at(ctx, authsome.Ref{Profile: profile, Provider: name})
	if err != nil {
		return nil, err
	}
	state := &authsome.ProviderState{Provider: *p}
	l.fillIn(state, h)
	return state, nil
}

// Providers returns all definitions with what the profile has there; of bundled ones only what a list shows. What the profile
// has at a provider that nobody defines any more is there too, without a source.
func (l *Layer) Providers(
	ctx context.Context, profile authsome.ProfileName,
) ([]authsome.ProviderState, []authsome.BrokenDefinition, error) {
	states, broken, err := l.catalogue.Summaries()
	if err != nil {
		return nil, nil, err
	}
	holdings, err := l.readAll(ctx, profile)
	if err != nil {
		return nil, nil, err
	}
	for i := range states {
		if h := holdings[states[i].Name]; h != nil {
			l.fillIn(&states[i], h)
			delete(holdings, states[i].Name)
		}
	}
	if undefined := l.undefined(holdings); len(undefined) > 0 {
		states = append(states, undefined...)
		slices.SortFunc(states, func(a, b authsome.ProviderState) int { return cmp.Compare(a.Name, b.Name) })
	}
	return states, broken, nil
}

// undefined describes what is left of providers without a definition, as far as there is something.
func (l *Layer) undefined(holdings map[authsome.ProviderName]*holding) (states []authsome.ProviderState) {
	for _, name := range sortedNames(holdings) {
		state := authsome.ProviderState{Provider: authsome.Provider{Name: name, DisplayName: string(name)}}
		l.fillIn(&state, holdings[name])
		if len(state.Connections) > 0 {
			state.AuthType, state.Flow = state.Connections[0].AuthType, state.Connections[0].Flow
		}
		if len(state.Connections) > 0 || state.Configured {
			states = append(states, state)
		}
	}
	return states
}

// fillIn adds what a profile has at a provider.
func (l *Layer) fillIn(state *authsome.ProviderState, h *holding) {
	state.Configured, state.Connections = len(h.registrations) > 0, l.describeAll(h)
}

// Register adds a definition to the user's own.
func (l *Layer) Register(_ context.Context, definition []byte, replace bool) (*authsome.Provider, error) {
	p, err := l.catalogue.Register(definition, replace)
	if _, ok := errors.AsType[*provider.ValidationError](err); ok {
		return nil, &authsome.Error{
			Kind: authsome.KindUsage, Message: err.Error(), Hint: "correct what is named and register it again", Err: err,
		}
	}
	if err != nil {
		return nil, err
	}
	l.record(authsome.EventRegister, authsome.Ref{Provider: p.Name}, "", nil)
	return p, nil
}

// Remove deletes what a profile has at a provider, and the definition when it is the user's own. A definition that is
// broken can be removed too.
func (l *Layer) Remove(ctx context.Context, profile authsome.ProfileName, name authsome.ProviderName) error {
	ref, err := normalize(authsome.Ref{Profile: profile, Provider: name})
	if err != nil {
		return err
	}
	records, err := l.vault.List(ctx, providerKey(ref.Profile, name))
	if err != nil {
		return vaultError("the vault cannot be read", err)
	}
	if len(records) > 0 {
		if err := l.deleteAll(ctx, providerKey(ref.Profile, name)); err != nil {
			return err
		}
	}
	custom, err := l.catalogue.Unregister(name)
	if err != nil {
		return err
	}
	if len(records) == 0 && !custom {
		if _, err := l.catalogue.Lookup(name); err != nil {
			return err
		}
		return notConnected(ref, nil)
	}
	l.record(authsome.EventRemove, ref, "", nil)
	return nil
}
