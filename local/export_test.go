package local

import "authsome/vault"

// Vault lets tests look at what is stored.
func (l *Layer) Vault() *vault.Vault { return l.vault }
