package keysource

import (
	"context"
	"encoding/json"

	"authsome/vault"
)

// held is a source of a master key that lies somewhere else and is fetched whenever it is needed.
type held struct {
	kind       Kind
	parameters any // encoded as JSON; nil for none
	// fetch returns the key. It makes none, unless create is set and there is none.
	fetch func(ctx context.Context, create bool) (masterKey, error)
	where string // for people
}

var _ vault.Parametric = (*held)(nil)

// Name implements [vault.KeySource].
func (h *held) Name() string { return string(h.kind) }

// Parameters implements [vault.Parametric].
func (h *held) Parameters() json.RawMessage {
	if h.parameters == nil {
		return nil
	}
	b, _ := json.Marshal(h.parameters) // structs of strings
	return b
}

// Wrap implements [vault.KeySource].
func (h *held) Wrap(ctx context.Context, dataKey []byte) ([]byte, error) {
	key, err := h.fetch(ctx, true)
	if err != nil {
		return nil, err
	}
	return key.wrap(dataKey)
}

// Unwrap implements [vault.KeySource].
func (h *held) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	key, err := h.fetch(ctx, false)
	if err != nil {
		return nil, err
	}
	dataKey, err := key.unwrap(wrapped)
	if err != nil {
		return nil, misfit(h.where, "put the key back that the vault was made with", err)
	}
	return dataKey, nil
}
