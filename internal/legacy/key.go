package legacy

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/zalando/go-keyring"

	"authsome"
)

const keySize = 32

// The entry of the system's keyring.
const (
	keyringService = "authsome"
	keyringUser    = "master_key"
)

// modeKeyring is the value of encryption.mode for a key in the system's keyring.
const modeKeyring = "keyring"

// storeKey opens records.
type storeKey struct {
	aead   cipher.AEAD
	origin string // where it comes from, for people
}

// readKey returns the key of an old home.
func readKey(
	ctx context.Context, dir, mode string, keyring func(context.Context) (authsome.Secret, error),
) (storeKey, error) {
	path := filepath.Join(dir, keyFile)
	encoded, err := keyInFile(path)
	origin := path
	if mode == modeKeyring || errors.Is(err, fs.ErrNotExist) {
		missing := err
		origin = "the key in the system's keyring"
		if encoded, err = keyring(ctx); err != nil {
			return storeKey{}, noKey(path, mode, missing, err)
		}
	}
	if err != nil {
		return storeKey{}, &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: fmt.Sprintf("the key of authsome 0.2 cannot be used: %v", err),
			Hint: "restore " + path, Err: err,
		}
	}
	aead, err := newAEAD(encoded)
	if err != nil {
		return storeKey{}, &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: fmt.Sprintf("%s is no key: %v", origin, err),
			Hint: "restore the key that the store was made with", Err: err,
		}
	}
	return storeKey{aead: aead, origin: origin}, nil
}

func noKey(path, mode string, inFile, inKeyring error) error {
	e := &authsome.Error{
		Kind: authsome.KindVaultUnavailable, Err: errors.Join(inFile, inKeyring),
		Message: fmt.Sprintf("the key of authsome 0.2 is neither in %s nor in the system's keyring (%v)", path, inKeyring),
		Hint:    "restore " + path + ", or unlock the keyring and try again",
	}
	if mode == modeKeyring {
		e.Message = fmt.Sprintf("the key of authsome 0.2 cannot be had from the system's keyring: %v", inKeyring)
		e.Hint = "unlock the keyring and try again, in a session that has one"
	}
	return e
}

// keyInFile reads a key file. A file of ours, which has the same name, counts as none. The errors do not show the key.
func keyInFile(path string) (authsome.Secret, error) {
	content, err := readFile(path)
	if err != nil {
		return authsome.Secret{}, err
	}
	if !strings.HasPrefix(strings.TrimSpace(string(content)), "{") {
		return authsome.Secret{}, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	var file struct {
		Version   int    `json:"version"`
		Key       secret `json:"key"`
		Algorithm string `json:"algorithm"`
	}
	switch err := json.Unmarshal(content, &file); {
	case err != nil:
		return authsome.Secret{}, fmt.Errorf("%s is damaged", path)
	case file.Version > 1 || file.Algorithm != "" && file.Algorithm != "AES-256-GCM":
		return authsome.Secret{}, fmt.Errorf("%s has version %d and algorithm %q", path, file.Version, file.Algorithm)
	case file.Key.IsZero():
		return authsome.Secret{}, fmt.Errorf("%s holds no key", path)
	}
	return file.Key.Secret, nil
}

func newAEAD(encoded authsome.Secret) (cipher.AEAD, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded.Reveal()))
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	defer clear(key)
	if len(key) != keySize {
		return nil, fmt.Errorf("it has %d bytes, not %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// keyringTimeout bounds the question to the keyring, which may wait for a person who unlocks it, or for nobody.
const keyringTimeout = 5 * time.Second

// Keyring asks the system's keyring for the key.
func Keyring(ctx context.Context) (authsome.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, keyringTimeout)
	defer cancel()
	type answer struct {
		value string
		err   error
	}
	done := make(chan answer, 1)
	go func() { // which is left behind when nobody answers
		value, err := keyring.Get(keyringService, keyringUser)
		done <- answer{value, err}
	}()
	select {
	case a := <-done:
		return authsome.NewSecret(a.value), a.err
	case <-ctx.Done():
		return authsome.Secret{}, fmt.Errorf("the keyring does not answer: %w", ctx.Err())
	}
}
