package vault

import (
	"bytes"
	"context"
	"testing"
)

// apart is a witness with a store that nothing is asked of.
type apart struct {
	Store

	kept []byte
}

func (a *apart) Witnessed(context.Context) []byte { return a.kept }

func (a *apart) Testify(_ context.Context, mark []byte, _ bool) { a.kept = mark }

// Of several processes that write, a late one does not put back what is kept apart; a person who accepts a vault does.
func TestALateWriterPutsNoWitnessBack(t *testing.T) {
	t.Parallel()
	a := &apart{}
	v := &Vault{store: a}
	at := func(generation uint64) *manifest {
		return &manifest{identity: [identitySize]byte{1}, generation: generation}
	}
	other := &manifest{identity: [identitySize]byte{2}, generation: 99}
	for _, step := range []struct {
		m       *manifest
		durable bool
		want    *manifest
	}{
		{at(7), false, at(7)},
		{at(5), false, at(7)},
		{at(8), false, at(8)},
		{at(3), true, at(3)},
		{other, false, other},
		{at(4), false, at(4)},
	} {
		v.testify(t.Context(), step.m, step.durable)
		if !bytes.Equal(a.kept, step.want.markOf(step.want.generation).encode()) {
			t.Errorf("after %d: kept %q, want %d", step.m.generation, a.kept, step.want.generation)
		}
	}
}
