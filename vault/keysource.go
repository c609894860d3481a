package vault

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// KeySource protects the data key of a vault with a key of its own: a file, an environment variable, a keyring, a key
// management service. Implementations are safe for concurrent use.
type KeySource interface {
	// Name says what kind of source this is, in one word for people. It is stored beside the wrapped key.
	Name() string
	// Wrap encrypts a data key. It may make the source's own key on first use: of many processes that do so at once,
	// all end up with the same key.
	Wrap(ctx context.Context, dataKey []byte) ([]byte, error)
	// Unwrap reverses Wrap and never makes a key. It fails with ErrWrongKey when the source has another key or none,
	// and with ErrUnavailable when its key cannot be had now.
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
}

const (
	// reserved is the part of the key space that belongs to the vault itself.
	reserved Key = "meta/"
	// dataKeyRow holds the wrapped data key.
	dataKeyRow = reserved + "data-key"

	dataKeySize  = 32
	envelopeV1   = 1
	firstVersion = 1
)

// envelope is how the wrapped data key is stored: in the clear, as it has to be read before anything can be opened.
type envelope struct {
	Format    int    `json:"format"`
	KeySource string `json:"key_source"`
	Wrapped   []byte `json:"wrapped"`
}

// loadDataKey returns the data key of a store and makes one where there is none.
func loadDataKey(ctx context.Context, store Store, keys KeySource) ([]byte, error) {
	row, err := store.Get(ctx, dataKeyRow)
	if errors.Is(err, ErrNotFound) {
		return createDataKey(ctx, store, keys)
	}
	if err != nil {
		return nil, err
	}
	return unwrapDataKey(ctx, row, keys)
}

// createDataKey makes the data key of an empty store. Several processes may be doing so: the first to write wins, and
// the others take what it wrote.
func createDataKey(ctx context.Context, store Store, keys KeySource) ([]byte, error) {
	empty, err := isEmpty(ctx, store)
	if err != nil {
		return nil, err
	}
	if !empty { // another process was faster
		return loadDataKey(ctx, store, keys)
	}
	dataKey := make([]byte, dataKeySize)
	_, _ = rand.Read(dataKey) // never fails
	wrapped, err := keys.Wrap(ctx, dataKey)
	if err != nil {
		return nil, fmt.Errorf("wrap the data key: %w", err)
	}
	stored, err := json.Marshal(envelope{Format: envelopeV1, KeySource: keys.Name(), Wrapped: wrapped})
	if err != nil {
		return nil, fmt.Errorf("encode the data key: %w", err)
	}
	err = store.Put(ctx, Row{Key: dataKeyRow, Version: firstVersion, Sealed: stored})
	if errors.Is(err, ErrConflict) {
		return loadDataKey(ctx, store, keys)
	}
	return dataKey, err
}

// isEmpty reports whether the store awaits its first data key. It refuses a store whose data key was lost: records
// sealed with two keys would end any hope of a repair.
func isEmpty(ctx context.Context, store Store) (bool, error) {
	rows, err := store.List(ctx, "")
	if err != nil {
		return false, err
	}
	if len(rows) > 0 && !hasDataKey(rows) {
		return false, fmt.Errorf("%w: it holds records but no data key", ErrCorrupt)
	}
	return len(rows) == 0, nil
}

func hasDataKey(rows []Row) bool {
	for _, row := range rows {
		if row.Key == dataKeyRow {
			return true
		}
	}
	return false
}

func unwrapDataKey(ctx context.Context, row Row, keys KeySource) ([]byte, error) {
	sealed, err := parseEnvelope(row.Sealed)
	if err != nil {
		return nil, err
	}
	dataKey, err := keys.Unwrap(ctx, sealed.Wrapped)
	if err != nil && sealed.KeySource != keys.Name() {
		return nil, fmt.Errorf("unwrap the data key, sealed with key source %q, opened with %q: %w",
			sealed.KeySource, keys.Name(), err)
	}
	if err != nil {
		return nil, fmt.Errorf("unwrap the data key: %w", err)
	}
	if len(dataKey) != dataKeySize {
		return nil, fmt.Errorf("%w: the data key has %d bytes, not %d", ErrCorrupt, len(dataKey), dataKeySize)
	}
	return dataKey, nil
}

func parseEnvelope(stored []byte) (envelope, error) {
	var e envelope
	if err := json.Unmarshal(stored, &e); err != nil {
		return envelope{}, fmt.Errorf("%w: decode the data key: %w", ErrCorrupt, err)
	}
	switch {
	case e.Format > envelopeV1:
		return envelope{}, fmt.Errorf("%w: the data key has format %d", ErrNewer, e.Format)
	case e.Format != envelopeV1 || len(e.Wrapped) == 0:
		return envelope{}, fmt.Errorf("%w: the data key is incomplete", ErrCorrupt)
	}
	return e, nil
}

func isReserved(key Key) bool { return strings.HasPrefix(string(key), string(reserved)) }
