package audit_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"authsome"
	"authsome/internal/audit"
)

func TestBufferWritesBehindInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, path := newLog(t)
		buf := log.Buffered()
		for i := range 10 {
			record(t, buf, authsome.Event{Name: authsome.EventName(fmt.Sprint(i))})
		}
		synctest.Wait()
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the caller touched the disk: %v", err)
		}
		time.Sleep(51 * time.Millisecond)
		synctest.Wait()
		entries, _ := read(t, path, 0)
		if len(entries) != 10 {
			t.Fatalf("%d entries after 50 ms", len(entries))
		}
		for i, e := range entries {
			if string(e.Event) != fmt.Sprint(i) {
				t.Errorf("entry %d is %s", i, e.Event)
			}
		}
		if err := buf.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestFlushAndCloseWriteAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, path := newLog(t)
		buf := log.Buffered()
		start := time.Now()
		record(t, buf, authsome.Event{Name: "a"})
		if err := buf.Flush(); err != nil {
			t.Fatal(err)
		}
		if entries, _ := read(t, path, 0); len(entries) != 1 {
			t.Errorf("%d entries after Flush", len(entries))
		}
		if err := buf.Flush(); err != nil { // nothing to do
			t.Fatal(err)
		}
		record(t, buf, authsome.Event{Name: "b"})
		if err := errors.Join(buf.Close(), buf.Close(), buf.Flush()); err != nil {
			t.Fatal(err)
		}
		if entries, _ := read(t, path, 0); len(entries) != 2 {
			t.Errorf("%d entries after Close", len(entries))
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		if err := buf.Record(authsome.Event{Name: "late"}); !errors.Is(err, audit.ErrClosed) {
			t.Errorf("Record after Close: %v", err)
		}
	})
}

func TestBufferLosesNothingUnderLoad(t *testing.T) {
	t.Parallel()
	log, path := newLog(t)
	buf := log.Buffered()
	detail := map[string]string{"path": strings.Repeat("x", 1000)}
	const goroutines, each = 8, 500 // 4 MB: Record must wait for the disk
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				if err := buf.Record(authsome.Event{Name: "x", Detail: detail}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := buf.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, bad := read(t, path, 0); len(entries) != goroutines*each || len(bad) > 0 {
		t.Errorf("%d entries, %v", len(entries), bad)
	}
}

func TestBufferKeepsEntriesThroughAnOutage(t *testing.T) {
	t.Parallel()
	log, path := newLog(t)
	if err := os.MkdirAll(path, 0o700); err != nil { // in the log's place
		t.Fatal(err)
	}
	var reported []error
	log.OnError = func(err error) { reported = append(reported, err) }
	buf := log.Buffered()
	record(t, buf, authsome.Event{Name: "a"})
	if err := errors.Join(buf.Flush(), buf.Flush()); err == nil {
		t.Error("Flush reported nothing")
	}
	record(t, buf, authsome.Event{Name: "b"})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := buf.Close(); err != nil {
		t.Error(err)
	}
	if entries, _ := read(t, path, 0); len(entries) != 2 || entries[0].Event != "a" {
		t.Errorf("got %+v", entries)
	}
	if len(reported) != 1 {
		t.Errorf("OnError was told %d times", len(reported))
	}
}

func TestBufferReportsWhatIsLost(t *testing.T) {
	t.Parallel()
	buf := audit.Open(t.TempDir()).Buffered()
	detail := map[string]string{"path": strings.Repeat("x", 1000)}
	recorded := 0
	var err error
	for err == nil && recorded < 10_000 {
		if err = buf.Record(authsome.Event{Name: "x", Detail: detail}); err == nil {
			recorded++
		}
		if recorded == 1 {
			_ = buf.Flush()
		}
	}
	if err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("Record of a full buffer: %v", err)
	}
	if err := buf.Close(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d audit entries are lost", recorded)) {
		t.Errorf("Close after %d entries: %v", recorded, err)
	}
}
