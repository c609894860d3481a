package local_test

import (
	"context"
	"sync/atomic"
	"testing"

	"authsome/local"
	"authsome/vault/storetest"
)

// stamped counts how often it was looked at.
type stamped struct {
	*storetest.Memory
	looks atomic.Int32
}

func (s *stamped) Stamp(ctx context.Context) (string, error) {
	s.looks.Add(1)
	return s.Memory.Stamp(ctx)
}

// What changes after Changed has returned is told, also when the goroutine that watches has not begun: so the first look is
// Changed's own.
func TestWatchBeginsBeforeItsCallerGoesOn(t *testing.T) {
	t.Parallel()
	for range 100 {
		w := newWorld(t, nil)
		store := &stamped{Memory: w.store}
		l := w.process(func(c *local.Config) { c.Store = store })
		l.Changed(t.Context())
		if store.looks.Load() == 0 {
			t.Fatal("nobody has looked yet")
		}
	}
}
