package local

import (
	"authsome"
	"authsome/internal/provider"
)

// serverOf returns a provider's authorization server: what the definition says, completed by what was discovered.
func serverOf(p *authsome.Provider, _ *settingsRecord, baseURL string) (*authsome.OAuth, error) {
	return provider.Expand(p, baseURL)
}
