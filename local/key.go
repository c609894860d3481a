package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"authsome"
	"authsome/internal/keysource"
	"authsome/vault"
)

// keySourceLock is held by whoever changes how the data key is kept, until what was replaced has been cleared away.
// Without it, a process could remove a key file that another one has just come to use.
const keySourceLock vault.Key = "key/source"

// KeyEnvelope returns how the data key of a home is kept, without opening the vault. What it says has not been
// authenticated. It fails with [vault.ErrNotFound] when there is no vault.
func KeyEnvelope(ctx context.Context, home string) (vault.Envelope, error) {
	info, err := os.Stat(filepath.Join(home, VaultFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return vault.Envelope{}, fmt.Errorf("%s: %w", filepath.Join(home, VaultFile), vault.ErrNotFound)
	}
	if err != nil {
		return vault.Envelope{}, vaultError("the vault cannot be opened", err)
	}
	store, err := OpenStore(ctx, home, "")
	if err != nil {
		return vault.Envelope{}, vaultError("the vault cannot be opened", err)
	}
	e, err := vault.ReadEnvelope(ctx, store)
	if err = errors.Join(err, store.Close()); err != nil && !errors.Is(err, vault.ErrNotFound) {
		err = vaultError("the vault cannot be opened", err)
	}
	return e, err
}

// KeyEnvelope returns how the data key of the open vault is kept.
func (l *Layer) KeyEnvelope(ctx context.Context) (vault.Envelope, error) {
	e, err := l.vault.Envelope(ctx)
	if err != nil {
		return e, vaultError("the vault cannot be read", err)
	}
	return e, nil
}

// UseKey puts the data key into the care of another source; records are not touched. The old source's key is removed, where
// it is ours, once the new one holds. It reports whether there was anything to change. A process that dies on the way leaves
// a vault that either source opens; a key that it did not come to remove is removed by the next UseKey of the same source.
func (l *Layer) UseKey(ctx context.Context, spec keysource.Spec) (changed bool, err error) {
	unlock, err := l.lockKeySource(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	old, err := l.KeyEnvelope(ctx)
	if err != nil {
		return false, err
	}
	to, err := l.keys.Make(ctx, spec)
	if err != nil {
		return false, keyError(err)
	}
	if same(old, to) || old.KeySource == string(keysource.Keyring) && spec.Kind == keysource.Keyring {
		return false, l.clearAway(ctx, old)
	}
	if err := l.vault.Rewrap(ctx, to, l.now()); err != nil {
		return false, keyError(err)
	}
	l.record(authsome.EventKeyUse, authsome.Ref{}, "", map[string]string{"key_source": to.Name(), "before": old.KeySource})
	current, err := l.KeyEnvelope(ctx)
	if err != nil {
		return true, err
	}
	l.retire(ctx, current)
	if err := l.keys.Forget(ctx, old, current); err != nil {
		return true, vaultError("the vault is opened by the key source "+to.Name()+" now, but the old key cannot be removed", err)
	}
	return true, l.clearAway(ctx, current)
}

// same reports whether an envelope was wrapped with a source as it would be again.
func same(e vault.Envelope, source vault.KeySource) bool {
	var params json.RawMessage
	if p, ok := source.(vault.Parametric); ok {
		params = p.Parameters()
	}
	return e.KeySource == source.Name() && string(e.Parameters) == string(params)
}

// clearAway removes a key file that a change to another source, which was interrupted, has left.
func (l *Layer) clearAway(ctx context.Context, current vault.Envelope) error {
	if l.keys.KeyFileLeft(current) == "" {
		return nil
	}
	left := vault.Envelope{KeySource: string(keysource.FileKind)}
	if err := l.keys.Forget(ctx, left, current); err != nil {
		return vaultError("a key file that is not used any more cannot be removed", err)
	}
	return nil
}

// RotateKey makes a new data key and seals everything with it. Other processes, long runs too, go on with the new one as long
// as the source gives it to them.
func (l *Layer) RotateKey(ctx context.Context) error {
	unlock, err := l.lockKeySource(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.vault.Rotate(ctx, l.now()); err != nil {
		return keyError(err)
	}
	l.record(authsome.EventKeyRotate, authsome.Ref{}, "", nil)
	current, err := l.KeyEnvelope(ctx)
	if err != nil {
		return err
	}
	l.retire(ctx, current)
	return nil
}

// retire has whoever keeps the unlocked key forget those that are out of use. The change is made, whatever comes of that;
// the cache tells the person.
func (l *Layer) retire(ctx context.Context, current vault.Envelope) {
	if err := l.keys.Retire(ctx, current); err != nil {
		l.log.Warn("an old key may still be kept in memory", "err", err)
	}
}

func (l *Layer) lockKeySource(ctx context.Context) (func(), error) {
	if l.keys == nil {
		return nil, fmt.Errorf("change the key source: %w", errors.ErrUnsupported)
	}
	unlock, err := l.lockKey(ctx, keySourceLock)
	if err != nil {
		return nil, vaultError("another process is changing the key", err)
	}
	return unlock, nil
}

func keyError(err error) error { return vaultError("the key was not changed", err) }
