package keepalive_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"authsome/internal/keepalive"
)

// keeper notes when it is called, and says when it wants to be called again.
type keeper struct {
	calls []time.Time
	next  func() (time.Time, error)
}

func (k *keeper) KeepAlive(context.Context) (time.Time, error) {
	k.calls = append(k.calls, time.Now())
	return k.next()
}

func TestPausesFollowTheKeeperWithinBounds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		next        func() (time.Time, error)
		least, most time.Duration
	}{
		"nothing expected": {func() (time.Time, error) { return time.Time{}, nil }, time.Hour, 72 * time.Minute},
		"far":              {func() (time.Time, error) { return time.Now().AddDate(0, 0, 9), nil }, time.Hour, 72 * time.Minute},
		"past":             {func() (time.Time, error) { return time.Now().Add(-time.Hour), nil }, time.Minute, 72 * time.Second},
		"soon": {
			func() (time.Time, error) { return time.Now().Add(10 * time.Minute), nil }, 10 * time.Minute, 12 * time.Minute,
		},
		"failing": {func() (time.Time, error) { return time.Time{}, errors.New("no vault") }, time.Hour, 72 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := &keeper{next: tt.next}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				keepalive.Run(ctx, k, keepalive.Settle, time.Now, slog.New(slog.DiscardHandler))
				if len(k.calls) < 3 {
					t.Fatalf("%d calls in a day", len(k.calls))
				}
				if first := k.calls[0].Sub(start); first < 15*time.Second || first > 18*time.Second {
					t.Errorf("the first call came after %s", first)
				}
				for i := 1; i < len(k.calls); i++ {
					if pause := k.calls[i].Sub(k.calls[i-1]); pause < tt.least || pause > tt.most {
						t.Fatalf("a pause of %s, want %s to %s", pause, tt.least, tt.most)
					}
				}
			})
		})
	}
}
