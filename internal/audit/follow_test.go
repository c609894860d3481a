package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"authsome/internal/audit"
)

// A log that is followed yields each entry once, also when it goes on in a new file meanwhile.
func TestFollowYieldsEachEntryOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, path := keyedLog(t)
		log.MaxSize = 600
		fill(t, log, 1, 4)
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		done := make(chan error)
		go func() {
			var last error
			for e, err := range audit.Follow(ctx, path, audit.ReadOptions{Last: 2, Keep: func(e *audit.Entry) bool { return e.Event != "event-6" }}) {
				if last = err; err == nil {
					got = append(got, strings.TrimPrefix(string(e.Event), "event-"))
				}
			}
			done <- last
		}()
		time.Sleep(time.Second)
		fill(t, log, 5, 9)
		time.Sleep(time.Second)
		fill(t, log, 10, 10)
		time.Sleep(time.Second)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		if want := "3 4 5 7 8 9 10"; strings.Join(got, " ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}
