package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"authsome/vault"
)

// Records returns everything that the vault holds, as it was at one moment, for a backup. It is the one way in which
// refresh tokens leave the vault.
func (l *Layer) Records(ctx context.Context) ([]vault.Record, error) {
	records, err := l.vault.List(ctx, "")
	if err != nil {
		return nil, vaultError("the vault cannot be read", err)
	}
	return records, nil
}

// Restore puts records into an empty vault, all or none.
func (l *Layer) Restore(ctx context.Context, records []vault.Record) error {
	present, err := l.vault.List(ctx, "")
	if err == nil && len(present) > 0 {
		err = errors.New("it is not empty")
	}
	if err != nil {
		return vaultError("the records cannot be restored into the vault", err)
	}
	changes := make([]vault.Change, len(records))
	for i, rec := range records {
		changes[i] = vault.Change{Key: rec.Key, Value: rec.Value}
	}
	return l.apply(ctx, changes...)
}

// RefreshableIn counts the connections among records that live on a refresh token.
func RefreshableIn(records []vault.Record) (connections, refreshable int) {
	for _, rec := range records {
		if _, ok := parseConnectionKey(rec.Key); !ok {
			continue
		}
		connections++
		if c, err := decodeConnection(rec); err == nil && !c.RefreshToken.IsZero() {
			refreshable++
		}
	}
	return connections, refreshable
}

// Settings returns the files of a home, below it and with slashes, that a person has written or agreed to: configuration,
// trusted files, definitions. They are in the order of their names.
func Settings(home string) ([]string, error) {
	definitions, err := os.ReadDir(filepath.Join(home, ProvidersDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	candidates := []string{ConfigFile, TrustFile}
	for _, e := range definitions {
		if filepath.Ext(e.Name()) == ".json" {
			candidates = append(candidates, ProvidersDir+"/"+e.Name())
		}
	}
	var names []string
	for _, name := range candidates {
		if isRegular(filepath.Join(home, filepath.FromSlash(name))) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// HoldsVault reports whether there is a vault in a home, or something in its place.
func HoldsVault(home string) bool { return exists(filepath.Join(home, VaultFile)) }

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func exists(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && (info.Size() > 0 || !info.Mode().IsRegular())
}
