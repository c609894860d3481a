package local

import (
	"context"

	"authsome/internal/keysource"
	"authsome/vault"
)

// KeyFacts are what people want to know of a kind of key source.
type KeyFacts struct {
	// Unattended says whether the vault can be opened when nobody is there.
	Unattended bool
	// Protects says whom the key is out of reach of, NotFrom whom it is not.
	Protects, NotFrom string
}

// FactsOf returns what holds for a kind of source.
func FactsOf(kind keysource.Kind) KeyFacts {
	const sameUser = "programs that run as you; root"
	switch kind {
	case keysource.FileKind:
		return KeyFacts{true, "whoever gets vault.db alone", "whoever gets the whole home, a backup of it for instance; " + sameUser}
	case keysource.EnvKind:
		return KeyFacts{true, "whoever gets the home", "whoever gets what sets the variable; " + sameUser}
	case keysource.Keyring:
		return KeyFacts{false, "whoever gets the home or the disk, as long as the keyring has a password", sameUser + ", while the keyring is unlocked"}
	case keysource.Passphrase:
		return KeyFacts{false, "whoever gets the home or the disk, as far as the passphrase cannot be guessed", sameUser + ", while the vault is unlocked"}
	case keysource.Command:
		return KeyFacts{true, "whoever gets the home", "whoever can run the command; " + sameUser}
	case keysource.Age:
		return KeyFacts{true, "whoever gets the home, if the identity lies elsewhere or has a passphrase", "whoever gets the identity too; " + sameUser}
	case keysource.Credential:
		return KeyFacts{true, "whoever gets the home; the disk too, if the credential is encrypted to the machine", "the service itself; root"}
	case keysource.KMS:
		return KeyFacts{true, "whoever gets the home or the disk; access can be withdrawn and is logged by the service", "whoever gets the credentials for the service; " + sameUser}
	default:
		return KeyFacts{}
	}
}

// KeyReason says which key source is in use for an envelope, and why it is that one.
func KeyReason(e vault.Envelope, keys *keysource.Set) (name, why string) {
	if keys != nil && keys.StandsIn(e) && e.KeySource != string(keysource.EnvKind) {
		return string(keysource.EnvKind), EnvMasterKey + " is set, and stands in for the key source " + e.KeySource
	}
	switch keysource.Kind(e.KeySource) {
	case keysource.FileKind:
		return e.KeySource, "it works unattended on every machine, after a restart too; authsome key use changes it"
	case keysource.EnvKind:
		return e.KeySource, "the vault was made with " + EnvMasterKey
	default:
		return e.KeySource, "chosen by authsome key use"
	}
}

// KeyInUse is what DescribeKey returns.
type KeyInUse struct {
	KeyFacts

	Source, Why string
	// FileLeft is a key file that is not used any more.
	FileLeft string
}

// DescribeKey says which of the keys opens the vault in a store, and why it is that one. Without keys it says what the vault
// names.
func DescribeKey(ctx context.Context, store vault.Store, keys vault.KeySource) (KeyInUse, error) {
	e, err := vault.ReadEnvelope(ctx, store)
	if err != nil {
		return KeyInUse{}, vaultError("the vault cannot be read", err)
	}
	set, _ := keys.(*keysource.Set)
	var used KeyInUse
	used.Source, used.Why = KeyReason(e, set)
	used.KeyFacts = FactsOf(keysource.Kind(used.Source))
	if set != nil {
		used.FileLeft = set.KeyFileLeft(e)
	}
	return used, nil
}
