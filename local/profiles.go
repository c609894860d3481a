package local

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"authsome"
)

// profileRecord marks a profile that somebody has created. Others exist by what they hold.
type profileRecord struct {
	SchemaVersion int       `json:"schema_version"`
	CreatedAt     time.Time `json:"created_at"`
}

// ListProfiles returns the names of all profiles.
func (l *Layer) ListProfiles(ctx context.Context) ([]authsome.ProfileName, error) {
	records, err := l.vault.List(ctx, profilesPrefix)
	if err != nil {
		return nil, vaultError("the vault cannot be read", err)
	}
	names := []authsome.ProfileName{authsome.DefaultProfile}
	for _, rec := range records {
		name, _, _ := strings.Cut(strings.TrimPrefix(string(rec.Key), profilesPrefix), "/")
		names = append(names, authsome.ProfileName(name))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// CreateProfile adds an empty profile.
func (l *Layer) CreateProfile(ctx context.Context, name authsome.ProfileName) error {
	if err := name.Validate(); err != nil {
		return err
	}
	existing, err := l.ListProfiles(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(existing, name) {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("there is a profile %s already", name),
			Hint: "authsome profile use " + string(name),
		}
	}
	value, err := json.Marshal(profileRecord{SchemaVersion: schemaVersion, CreatedAt: l.now().UTC()})
	if err != nil {
		return err
	}
	if _, err := l.vault.Put(ctx, profileKey(name)+settingsLeaf, value, 0); err != nil {
		return vaultError("the vault cannot be written", err)
	}
	return nil
}

// DeleteProfile deletes a profile and everything in it.
func (l *Layer) DeleteProfile(ctx context.Context, name authsome.ProfileName) error {
	existing, err := l.ListProfiles(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(existing, name) {
		return &authsome.Error{
			Kind: authsome.KindUsage, Message: fmt.Sprintf("there is no profile %s", name),
			Hint: "authsome profile list",
		}
	}
	return l.deleteAll(ctx, profileKey(name))
}
