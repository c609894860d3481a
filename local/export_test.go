package local

import "authsome/vault"

// Vault lets tests look at what is stored.
func (l *Layer) Vault() *vault.Vault { return l.vault }

// Begun returns how many logins are waited for.
func (l *Layer) Begun() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.begun)
}
