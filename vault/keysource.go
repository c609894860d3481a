package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
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

// Parametric is a [KeySource] that needs to know more than its key, such as the costs of a key derivation or the name of
// an entry in a keyring.
type Parametric interface {
	// Parameters returns a JSON value without secrets, which is stored beside what Wrap has returned, in the clear. It is
	// called after Wrap.
	Parameters() json.RawMessage
}

// Chooser is a [KeySource] that stands for several: by itself it is the one that a new vault is made with.
type Chooser interface {
	// Choose returns the source that opens an envelope. It fails as Unwrap does, and with ErrNewer for a kind of source
	// that it does not know.
	Choose(e Envelope) (KeySource, error)
}

const (
	// reserved is the part of the key space that belongs to the vault itself.
	reserved Key = "meta/"
	// dataKeyRow holds the wrapped data key.
	dataKeyRow = reserved + "data-key"

	dataKeySize = 32
	// envelopeV1 has a source without parameters, and nothing that tells of a change.
	envelopeV1   = 1
	envelopeV2   = 2
	firstVersion = 1
	// attempts bounds how often something begins anew because another process has changed the key meanwhile.
	attempts = 50
)

// Envelope is how the wrapped data key is stored: in the clear, as it has to be read before anything can be opened. What
// it says of the source is authenticated with the data key, once that is known.
type Envelope struct {
	Format     int             `json:"format"`
	KeySource  string          `json:"key_source"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
	Wrapped    []byte          `json:"wrapped"`
	// Since is when the source came into use, and Rotated when the data key was made; zero if that is not known.
	Since   time.Time `json:"since,omitzero"`
	Rotated time.Time `json:"rotated,omitzero"`
	// Seal proves that whoever wrote the envelope had the data key. Formats from 2 have one.
	Seal []byte `json:"seal,omitempty"`
}

// associated is what the seal of an envelope covers: everything but itself, and the version of its row.
func (e Envelope) associated(version uint64) ([]byte, error) {
	e.Seal = nil
	var params bytes.Buffer
	if len(e.Parameters) > 0 {
		if err := json.Compact(&params, e.Parameters); err != nil {
			return nil, err
		}
		e.Parameters = params.Bytes()
	}
	covered, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return append(associatedData(sealV1, dataKeyRow, version), covered...), nil
}

// ReadEnvelope returns how the data key of a store is wrapped, without opening it. It fails with [ErrNotFound] when
// there is no vault yet. What it returns is not authenticated.
func ReadEnvelope(ctx context.Context, store Store) (Envelope, error) {
	row, err := store.Get(ctx, dataKeyRow)
	if err != nil {
		return Envelope{}, err
	}
	return parseEnvelope(row.Sealed)
}

// opened is an envelope that was opened.
type opened struct {
	dataKey  []byte
	envelope Envelope
	version  uint64 // of its row
	source   KeySource
}

// unlocked returns the key as a vault keeps it, and overwrites the bytes.
func (o *opened) unlocked() (*unlocked, error) {
	defer clear(o.dataKey)
	s, err := o.authenticated()
	if err != nil {
		return nil, err
	}
	return &unlocked{sealer: s, version: o.version}, nil
}

// authenticated returns the sealer of the data key, if the envelope is as somebody with that key has written it.
func (o *opened) authenticated() (sealer, error) {
	s, err := newSealer(o.dataKey)
	if err == nil && o.envelope.Format >= envelopeV2 && !s.vouches(o.envelope, o.version) {
		err = fmt.Errorf("%w: what is said of the data key was changed", ErrCorrupt)
	}
	return s, err
}

// loadDataKey returns the data key of a store and makes one where there is none.
func loadDataKey(ctx context.Context, store Store, keys KeySource, now time.Time) (*opened, error) {
	row, err := store.Get(ctx, dataKeyRow)
	if errors.Is(err, ErrNotFound) {
		return createDataKey(ctx, store, keys, now)
	}
	if err != nil {
		return nil, err
	}
	return unwrapDataKey(ctx, row, keys)
}

// createDataKey makes the data key of an empty store. Several processes may be doing so: the first to write wins, and
// the others take what it wrote.
func createDataKey(ctx context.Context, store Store, keys KeySource, now time.Time) (*opened, error) {
	empty, err := isEmpty(ctx, store)
	if err != nil {
		return nil, err
	}
	if !empty { // another process was faster
		return loadDataKey(ctx, store, keys, now)
	}
	o := &opened{dataKey: newDataKey(), version: firstVersion, source: keys}
	o.envelope = Envelope{Since: now, Rotated: now}
	if err := o.wrap(ctx); err != nil {
		return nil, err
	}
	row, err := o.row()
	if err != nil {
		return nil, err
	}
	err = put(ctx, store, row)
	if errors.Is(err, ErrConflict) {
		return loadDataKey(ctx, store, keys, now)
	}
	return o, err
}

func newDataKey() []byte {
	dataKey := make([]byte, dataKeySize)
	_, _ = rand.Read(dataKey) // never fails
	return dataKey
}

// wrap fills in the envelope from data key and source.
func (o *opened) wrap(ctx context.Context) (err error) {
	if o.envelope.Wrapped, err = o.source.Wrap(ctx, o.dataKey); err != nil {
		return fmt.Errorf("wrap the data key: %w", err)
	}
	o.envelope.Format, o.envelope.KeySource, o.envelope.Parameters = envelopeV2, o.source.Name(), nil
	if p, ok := o.source.(Parametric); ok {
		o.envelope.Parameters = p.Parameters()
	}
	return nil
}

// row seals the envelope and encodes it.
func (o *opened) row() (Row, error) {
	s, err := newSealer(o.dataKey)
	if err == nil {
		err = s.vouch(&o.envelope, o.version)
	}
	var stored []byte
	if err == nil {
		stored, err = json.Marshal(o.envelope)
	}
	if err != nil {
		return Row{}, fmt.Errorf("encode the data key: %w", err)
	}
	return Row{Key: dataKeyRow, Version: o.version, Sealed: stored}, nil
}

// verify makes sure that what is about to be stored can be opened, by somebody who knows nothing but the envelope.
func (o *opened) verify(ctx context.Context, keys KeySource, row Row) error {
	again, err := unwrapDataKey(ctx, row, keys)
	if err != nil {
		return fmt.Errorf("try the new envelope: %w", err)
	}
	defer clear(again.dataKey)
	if !bytes.Equal(again.dataKey, o.dataKey) {
		return fmt.Errorf("try the new envelope: %w: another data key came out", ErrCorrupt)
	}
	return nil
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

func unwrapDataKey(ctx context.Context, row Row, keys KeySource) (*opened, error) {
	e, err := parseEnvelope(row.Sealed)
	if err != nil {
		return nil, err
	}
	if several, ok := keys.(Chooser); ok {
		if keys, err = several.Choose(e); err != nil {
			return nil, fmt.Errorf("unwrap the data key: %w", err)
		}
	}
	dataKey, err := keys.Unwrap(ctx, e.Wrapped)
	if err != nil && e.KeySource != keys.Name() {
		return nil, fmt.Errorf("unwrap the data key, sealed with key source %q, opened with %q: %w",
			e.KeySource, keys.Name(), err)
	}
	if err != nil {
		return nil, fmt.Errorf("unwrap the data key: %w", err)
	}
	if len(dataKey) != dataKeySize {
		return nil, fmt.Errorf("%w: the data key has %d bytes, not %d", ErrCorrupt, len(dataKey), dataKeySize)
	}
	return &opened{dataKey: dataKey, envelope: e, version: row.Version, source: keys}, nil
}

func parseEnvelope(stored []byte) (Envelope, error) {
	var e Envelope
	if err := json.Unmarshal(stored, &e); err != nil {
		return Envelope{}, fmt.Errorf("%w: decode the data key: %w", ErrCorrupt, err)
	}
	switch {
	case e.Format > envelopeV2:
		return Envelope{}, fmt.Errorf("%w: the data key has format %d", ErrNewer, e.Format)
	case e.Format < envelopeV1 || len(e.Wrapped) == 0:
		return Envelope{}, fmt.Errorf("%w: the data key is incomplete", ErrCorrupt)
	case e.Format == envelopeV1 && len(e.Parameters) > 0:
		return Envelope{}, fmt.Errorf("%w: the data key has parameters that nothing vouches for", ErrCorrupt)
	}
	return e, nil
}

func isReserved(key Key) bool { return strings.HasPrefix(string(key), string(reserved)) }
