package keysource

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"authsome/vault"
)

const (
	// purpose separates the key that wraps data keys from whatever else a master key may come to be used for.
	purpose = "authsome vault data key v1"
	// wrapV1 is the first byte of a wrapped key: HKDF-SHA256, then AES-256-GCM with the nonce first.
	wrapV1 byte = 1
)

// masterKey is what a key source keeps.
type masterKey struct {
	secret [KeySize]byte
}

func (k masterKey) wrap(dataKey []byte) ([]byte, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	return aead.Seal([]byte{wrapV1}, nil, dataKey, []byte(purpose)), nil
}

func (k masterKey) unwrap(wrapped []byte) ([]byte, error) {
	if len(wrapped) == 0 || wrapped[0] != wrapV1 {
		return nil, fmt.Errorf("%w: the wrapped data key has an unknown format", vault.ErrCorrupt)
	}
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	dataKey, err := aead.Open(nil, nil, wrapped[1:], []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", vault.ErrWrongKey, err)
	}
	return dataKey, nil
}

func (k masterKey) aead() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.secret[:], nil, purpose, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive the wrapping key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use the wrapping key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
