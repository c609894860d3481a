package audit_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"authsome"
	"authsome/internal/audit"
)

// Whoever must not act without a log hears of an outage when it begins and when it is over, also while nobody records.
func TestBufferTellsOfItsHealthAndTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, path := newLog(t)
		if err := os.MkdirAll(path, 0o700); err != nil { // in the log's place
			t.Fatal(err)
		}
		buf := log.Buffered()
		if buf.Failing() != nil || told(buf) {
			t.Error("an outage before the first entry")
		}
		record(t, buf, authsome.Event{Name: "a"})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if buf.Failing() == nil || !told(buf) || told(buf) {
			t.Error("an outage was not told, or more than once")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if buf.Failing() != nil || !told(buf) {
			t.Errorf("its end was not told: %v", buf.Failing())
		}
		if err := buf.Close(); err != nil {
			t.Error(err)
		}
		if entries, _ := read(t, path, 0); len(entries) != 1 {
			t.Errorf("%d entries", len(entries))
		}
	})
}

func told(buf *audit.Buffer) bool {
	select {
	case <-buf.Health():
		return true
	default:
		return false
	}
}
