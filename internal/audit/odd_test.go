package audit_test

import (
	"os"
	"path/filepath"
	"testing"

	"authsome"
)

// A line whose chain value begins and ends with the same quote is no entry, and no reason to stop.
func TestLineThatEndsInTheMiddleOfItsChainField(t *testing.T) {
	t.Parallel()
	log, path := newLog(t)
	record(t, log, authsome.Event{Name: authsome.EventLogin, Ref: ref})
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(content, `{"seq":2,"chain":"}`+"\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	record(t, log, authsome.Event{Name: authsome.EventLogout, Ref: ref})
	if report, err := log.Verify(); err != nil || report.Entries != 2 {
		t.Errorf("got %+v, %v", report, err)
	}
}

// What is in the file has been recorded, whether or not the log can go on in a new one: a recorder that was told otherwise
// would write it again.
func TestEntryIsRecordedAlthoughTheLogCannotGoOnInANewFile(t *testing.T) {
	t.Parallel()
	log, path := newLog(t)
	log.MaxSize = 1
	// A directory in the place of the former file is what nothing can be renamed to.
	if err := os.MkdirAll(filepath.Join(filepath.Dir(path), "audit-0000000000000001.log", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	record(t, log, authsome.Event{Name: authsome.EventLogin, Ref: ref})
	if err := os.RemoveAll(filepath.Join(filepath.Dir(path), "audit-0000000000000001.log")); err != nil {
		t.Fatal(err)
	}
	record(t, log, authsome.Event{Name: authsome.EventLogout, Ref: ref})
	entries, bad := read(t, path, 0)
	if len(entries) != 2 || len(bad) > 0 {
		t.Errorf("got %+v, %v", entries, bad)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the log does not go on in a new file once it can")
	}
}
