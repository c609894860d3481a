package local

import (
	"context"
	"errors"
	"slices"
	"strings"

	"authsome"
	"authsome/vault"
)

// Names is what there is in a vault, by name.
type Names struct {
	Profiles    []authsome.ProfileName  // sorted, the default one among them
	Connections []authsome.Ref          // in the order of the vault
	Clients     []authsome.ProviderName // sorted; with an OAuth client or a connection in some profile
}

// NamesIn reads the names in the vault of a home, which are not secret, without its key and without making or changing
// anything. They have not been authenticated: they are to be offered, not to be relied on. Where there is no vault it fails
// with [vault.ErrNotFound].
func NamesIn(ctx context.Context, home string) (Names, error) {
	if !HoldsVault(home) {
		return Names{}, vault.ErrNotFound
	}
	store, err := OpenStore(ctx, home, "")
	if err != nil {
		return Names{}, vaultError("the vault cannot be opened", err)
	}
	rows, err := store.List(ctx, profilesPrefix)
	if err = errors.Join(err, store.Close()); err != nil {
		return Names{}, vaultError("the vault cannot be read", err)
	}
	names := Names{Profiles: []authsome.ProfileName{authsome.DefaultProfile}}
	for _, row := range rows {
		profile, _, _ := strings.Cut(strings.TrimPrefix(string(row.Key), profilesPrefix), "/")
		if name := authsome.ProfileName(profile); name.Validate() == nil {
			names.Profiles = append(names.Profiles, name)
		}
		if ref, ok := parseConnectionKey(row.Key); ok && ref.Validate() == nil {
			names.Connections = append(names.Connections, ref)
		}
		if name, ok := providerOfKey(row.Key); ok && (authsome.Ref{Profile: authsome.DefaultProfile, Provider: name}).Validate() == nil {
			names.Clients = append(names.Clients, name)
		}
	}
	names.Profiles, names.Clients = sortedSet(names.Profiles), sortedSet(names.Clients)
	return names, nil
}

func sortedSet[T ~string](all []T) []T {
	slices.Sort(all)
	return slices.Compact(all)
}
