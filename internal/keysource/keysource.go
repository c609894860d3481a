// Package keysource holds the sources of the key that protects a vault's data key. Use [New]: a [Set] finds the source
// that an envelope names, and makes the ones to change to.
//
// A key file, an environment variable, the system's keyring, a command and systemd all hold 32 bytes and encrypt alike
// (wrap.go), so that the same key opens a vault whichever way it arrives. A passphrase, age and key management services
// have their own ways. No source ever makes a key in order to open something, and nothing asks a person unless the Set
// was given a way to.
package keysource

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"authsome/vault"
)

// EnvMasterKey is the variable that holds a master key; see [Environment].
const EnvMasterKey = "AUTHSOME_MASTER_KEY"

// KeySize is the length of a master key in bytes.
const KeySize = 32

// Why a key source has no key. A missing key wraps vault.ErrWrongKey as well, the others vault.ErrUnavailable.
var (
	// ErrMissing: there is no key although something was sealed with one.
	ErrMissing = errors.New("the master key is missing")
	// ErrMalformed: what is there is not a whole key.
	ErrMalformed = errors.New("the master key is malformed")
	// ErrExposed: others than the owner may read the key, or the passphrase.
	ErrExposed = errors.New("others may read it")
)

// environment is the source of a key that the caller has. The key lies behind a function, because of a function fmt
// prints the address only, whatever the verb and however deep it finds one.
type environment struct {
	key func() masterKey
}

var _ vault.KeySource = environment{}

// Environment returns the source for the value of AUTHSOME_MASTER_KEY: base64 of 32 bytes in the standard or the URL
// alphabet of RFC 4648, padded or not. It fails with [ErrMalformed]; the error does not show the value.
func Environment(value string) (vault.KeySource, error) {
	key, err := decode(strings.TrimSpace(value))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", EnvMasterKey, vault.ErrUnavailable, err)
	}
	return environment{key: func() masterKey { return key }}, nil
}

// Name implements [vault.KeySource].
func (environment) Name() string { return string(EnvKind) }

// Wrap implements [vault.KeySource].
func (e environment) Wrap(_ context.Context, dataKey []byte) ([]byte, error) {
	return e.key().wrap(dataKey)
}

// Unwrap implements [vault.KeySource].
func (e environment) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	dataKey, err := e.key().unwrap(wrapped)
	if err != nil {
		return nil, misfit(EnvMasterKey, "unset "+EnvMasterKey+", or set it to the key that the vault was made with", err)
	}
	return dataKey, nil
}

// decode reads a key in any of the base64 variants. Its errors never quote the input.
func decode(text string) (masterKey, error) {
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	decoded, err := encoding.Strict().DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return masterKey{}, fmt.Errorf("%w: it is not base64", ErrMalformed)
	}
	defer clear(decoded)
	if len(decoded) != KeySize {
		return masterKey{}, fmt.Errorf("%w: it has %d bytes, not %d", ErrMalformed, len(decoded), KeySize)
	}
	return masterKey{secret: [KeySize]byte(decoded)}, nil
}
