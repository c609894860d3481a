package local

import (
	"context"
	"crypto/rand"
	"errors"

	"authsome"
	"authsome/vault"
)

// auditKeyRow holds the secret of the audit log. It is sealed like a connection, and outlives a change of the data key.
const auditKeyRow vault.Key = "audit/key"

// KnownAuditKey is AuditKey for those who only look: where there is no key yet, it returns the zero Secret and makes none.
func (l *Layer) KnownAuditKey(ctx context.Context) (authsome.Secret, error) {
	rec, err := l.vault.Get(ctx, auditKeyRow)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return authsome.Secret{}, nil
	case err != nil:
		return authsome.Secret{}, vaultError("the key of the audit log cannot be read", err)
	}
	return authsome.NewSecret(string(rec.Value)), nil
}

// AuditKey returns the secret that entries of the audit log are chained with, 32 bytes, and makes it at the first call.
// It fails with [authsome.KindVaultUnavailable].
func (l *Layer) AuditKey(ctx context.Context) (authsome.Secret, error) {
	rec, err := l.vault.Get(ctx, auditKeyRow)
	if err == nil {
		return authsome.NewSecret(string(rec.Value)), nil
	}
	if !errors.Is(err, vault.ErrNotFound) {
		return authsome.Secret{}, vaultError("the key of the audit log cannot be read", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	_, err = l.vault.Put(ctx, auditKeyRow, key, 0)
	if errors.Is(err, vault.ErrConflict) { // another process was faster
		return l.AuditKey(ctx)
	}
	if err != nil {
		return authsome.Secret{}, vaultError("the key of the audit log cannot be stored", err)
	}
	return authsome.NewSecret(string(key)), nil
}
