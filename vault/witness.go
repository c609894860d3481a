package vault

import (
	"context"
	"crypto/hmac"
	"fmt"
)

// Witness is a [Marker] that may keep the mark in one more place, apart from everything that is put back together with the
// storage. What is there can be lost, be older, or be about another vault: then it says nothing. It can only tell that this
// vault had got further.
type Witness interface {
	// Witnessed returns what Testify has kept, or nothing.
	Witnessed(ctx context.Context) []byte
	// Testify replaces it. A mark that cannot be kept is missing later, which does no harm.
	Testify(ctx context.Context, mark []byte, durable bool)
}

// marks are what was kept besides the vault, and when it was read the vault was at least as far.
type marks struct {
	beside mark
	kept   bool // the store is one that can keep a mark beside it
	apart  mark
}

// outran fails when a witness, whose mark is genuine, has seen the vault further than its manifest says.
func (m *manifest) outran(k mark) error {
	if m == nil || k.generation <= m.generation {
		return nil
	}
	if genuine := m.markOf(k.generation); k.vault != genuine.vault || !hmac.Equal([]byte(k.code), []byte(genuine.code)) {
		return nil
	}
	return fmt.Errorf("%w: it is at generation %d, but was used here at %d", ErrRolledBack, m.generation, k.generation)
}

// witnessed returns the mark that is kept apart, if there is any.
func (v *Vault) witnessed(ctx context.Context) mark {
	if w, ok := v.store.(Witness); ok {
		return parseMark(w.Witnessed(ctx))
	}
	return mark{}
}

// testify keeps a mark apart, over one that says less.
func (v *Vault) testify(ctx context.Context, m *manifest, durable bool) {
	w, ok := v.store.(Witness)
	if !ok {
		return
	}
	if !durable && m.outran(parseMark(w.Witnessed(ctx))) != nil {
		return // another process has got further
	}
	w.Testify(ctx, m.markOf(m.generation).encode(), durable)
}
