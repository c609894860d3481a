package local

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"authsome"
	"authsome/vault"
)

// The vault's keys form a tree, so that one listing reads everything of a profile or of a provider:
//
//	profile/P/settings
//	profile/P/provider/X/settings
//	profile/P/provider/X/registration/ID
//	profile/P/provider/X/connection/N
const (
	profilesPrefix  = "profile/"
	providersPrefix = "provider/"
	settingsLeaf    = "settings"
	registrations   = "registration/"
	connections     = "connection/"
)

func profileKey(p authsome.ProfileName) vault.Key { return vault.Key(profilesPrefix + string(p) + "/") }

func providerKey(p authsome.ProfileName, name authsome.ProviderName) vault.Key {
	return profileKey(p) + vault.Key(providersPrefix+string(name)+"/")
}

func settingsKey(p authsome.ProfileName, name authsome.ProviderName) vault.Key {
	return providerKey(p, name) + settingsLeaf
}

func connectionKey(ref authsome.Ref) vault.Key {
	return providerKey(ref.Profile, ref.Provider) + connections + vault.Key(ref.Connection)
}

// registrationKey hashes the client identifier: it may hold any character, and it is nobody's business.
func registrationKey(p authsome.ProfileName, name authsome.ProviderName, clientID string) vault.Key {
	sum := sha256.Sum256([]byte(clientID))
	return providerKey(p, name) + registrations + vault.Key(hex.EncodeToString(sum[:8]))
}

// parseConnectionKey is the inverse of connectionKey.
func parseConnectionKey(key vault.Key) (authsome.Ref, bool) {
	parts := strings.Split(string(key), "/")
	if len(parts) != 6 || parts[0]+"/" != profilesPrefix || parts[2]+"/" != providersPrefix || parts[4]+"/" != connections {
		return authsome.Ref{}, false
	}
	return authsome.Ref{
		Profile:    authsome.ProfileName(parts[1]),
		Provider:   authsome.ProviderName(parts[3]),
		Connection: authsome.ConnectionName(parts[5]),
	}, true
}

// providerOfKey returns the provider below which a key lies.
func providerOfKey(key vault.Key) (authsome.ProviderName, bool) {
	parts := strings.Split(string(key), "/")
	if len(parts) < 5 || parts[2]+"/" != providersPrefix {
		return "", false
	}
	return authsome.ProviderName(parts[3]), true
}

// isRegistrationKey goes by the place of the word: a profile or a provider may have that name.
func isRegistrationKey(key vault.Key) bool {
	parts := strings.Split(string(key), "/")
	return len(parts) == 6 && parts[4]+"/" == registrations
}
