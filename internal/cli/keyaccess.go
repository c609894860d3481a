package cli

import (
	"context"

	"authsome"
	"authsome/internal/keysource"
	"authsome/local"
	"authsome/vault"
)

// keyAccess is how a command gets at the key, where it differs from how all others do.
type keyAccess struct {
	passphrase authsome.Secret // given on standard input
	changing   bool            // it changes the key, for which an unlocked session is not enough
	kept       bool            // it has unlocked the vault: an agent keeps the key from now on
	notKept    error           // why no agent keeps the key, when that is what was asked for
}

// keySources returns the sources that the vault's key may come from. Nothing of any of them is used yet.
func (a *app) keySources() (*keysource.Set, error) {
	if a.keys != nil {
		return a.keys, nil
	}
	home, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	a.keys, err = local.KeySources(home, keysource.Options{
		MasterKey: authsome.NewSecret(a.env.getenv(local.EnvMasterKey)), Passphrase: a.access.passphrase,
		Environ: a.env.Environ, Getenv: a.env.getenv, Ask: a.env.UI.ReadSecret, Stderr: a.env.Stderr,
		Cache: a.keyCache(), AskAgain: a.access.changing,
	})
	if err != nil {
		a.keys = nil
		return nil, &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: err.Error(), Err: err,
			Hint: "set " + local.EnvMasterKey + " to the base64 of 32 bytes, or unset it",
		}
	}
	return a.keys, nil
}

// envelope returns how the data key of the open vault is kept. It is not known of a vault that is elsewhere.
func (a *app) envelope(ctx context.Context) (e vault.Envelope, known bool, err error) {
	layer, ok := a.layer.(interface {
		KeyEnvelope(ctx context.Context) (vault.Envelope, error)
	})
	if !ok {
		return e, false, nil
	}
	e, err = layer.KeyEnvelope(ctx)
	return e, err == nil, err
}

// keyPrinter returns the command that prints the key of the open vault, if one does.
func (a *app) keyPrinter(ctx context.Context) ([]string, error) {
	e, known, err := a.envelope(ctx)
	if !known {
		return nil, err
	}
	return keysource.CommandOf(e), nil
}

// usedKey is the key source in use and why it is that one.
type usedKey struct{ name, why string }

// keySource says where the key of the open vault comes from.
func (a *app) keySource(ctx context.Context) (usedKey, error) {
	e, known, err := a.envelope(ctx)
	if !known {
		return usedKey{}, err
	}
	name, why := local.KeyReason(e, a.keys)
	return usedKey{name, why}, nil
}
