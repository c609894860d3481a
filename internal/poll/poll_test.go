package poll_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"authsome/internal/poll"
)

func TestChangesAreToldOnceUntilTheyAreHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var looks int
		var change atomic.Bool
		changes := poll.Changes(ctx, func() bool { looks++; return change.Load() })
		told := func(want bool) {
			t.Helper()
			select {
			case <-changes:
				if !want {
					t.Error("told of a change that there was not")
				}
			default:
				if want {
					t.Error("not told")
				}
			}
		}
		pass := func(intervals int) {
			time.Sleep(time.Duration(intervals) * poll.Interval) // of the bubble's clock
			synctest.Wait()
		}
		pass(4)
		told(false)
		change.Store(true)
		pass(3)
		told(true)
		told(false) // the three were one
		pass(1)
		told(true)
		if looks != 8 {
			t.Errorf("%d looks in 8 intervals", looks)
		}
		cancel()
		pass(4)
		told(false)
		if looks != 8 {
			t.Error("it looks on when nobody listens any more")
		}
	})
}
