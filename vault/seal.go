package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// The first byte of a sealed record: AES-256-GCM, the nonce first, then ciphertext and tag.
const (
	// sealV1 is that of a record which was written before vaults kept a manifest.
	sealV1 byte = 1
	// sealV2 differs by its promise: it is found in a vault with a manifest only. So to remove the manifest does not make
	// a vault pass for one that never had it.
	sealV2 byte = 2
)

// sealer encrypts and decrypts records with the data key. The key of a record and its version are authenticated with
// it, so that a row cannot be moved to another key nor be passed off as another version.
type sealer struct {
	aead cipher.AEAD
}

func newSealer(dataKey []byte) (sealer, error) {
	block, err := aes.NewCipher(dataKey)
	if err != nil {
		return sealer{}, fmt.Errorf("use the data key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealer{}, fmt.Errorf("use the data key: %w", err)
	}
	return sealer{aead: aead}, nil
}

func (s sealer) seal(rec Record) Row {
	sealed := make([]byte, 1, 1+len(rec.Value)+s.aead.Overhead())
	sealed[0] = sealV2
	sealed = s.aead.Seal(sealed, nil, rec.Value, associatedData(sealV2, rec.Key, rec.Version))
	return Row{Key: rec.Key, Version: rec.Version, Sealed: sealed}
}

func (s sealer) open(row Row) (Record, error) {
	if len(row.Sealed) == 0 {
		return Record{}, fmt.Errorf("open record %s: %w: it is empty", row.Key, ErrCorrupt)
	}
	format := row.Sealed[0]
	if format != sealV1 && format != sealV2 {
		return Record{}, fmt.Errorf("open record %s: %w: unknown format %d", row.Key, ErrCorrupt, format)
	}
	value, err := s.aead.Open(nil, nil, row.Sealed[1:], associatedData(format, row.Key, row.Version))
	if err != nil {
		return Record{}, fmt.Errorf("open record %s: %w: %w", row.Key, ErrCorrupt, err)
	}
	return Record{Key: row.Key, Version: row.Version, Value: value}, nil
}

// associatedData is unambiguous because all but the last part have a fixed length.
func associatedData(format byte, key Key, version uint64) []byte {
	ad := make([]byte, 0, 1+8+len(key))
	ad = append(ad, format)
	ad = binary.BigEndian.AppendUint64(ad, version)
	return append(ad, key...)
}

// vouch seals an envelope, in which there is nothing to hide.
func (s sealer) vouch(e *Envelope, version uint64) error {
	covered, err := e.associated(version)
	if err != nil {
		return err
	}
	e.Seal = s.aead.Seal([]byte{sealV1}, nil, nil, covered)
	return nil
}

// vouches reports whether an envelope was sealed with this data key, and is as it was then.
func (s sealer) vouches(e Envelope, version uint64) bool {
	covered, err := e.associated(version)
	if err != nil || len(e.Seal) == 0 || e.Seal[0] != sealV1 {
		return false
	}
	_, err = s.aead.Open(nil, nil, e.Seal[1:], covered)
	return err == nil
}
