//go:build unix

package audit_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"authsome"
	"authsome/internal/audit"
)

// envFull makes a run of the test binary a process whose disk is full for a while.
const envFull = "TEST_AUDIT_FULL"

// TestBatchOnAFullDiskIsWrittenLater: of a batch that does not fit nothing stays, and all of it is written when it does.
func TestBatchOnAFullDiskIsWrittenLater(t *testing.T) {
	if path := os.Getenv(envFull); path != "" {
		recordOnFullDisk(t, path)
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	cmd := exec.Command(os.Args[0], "-test.run=^TestBatchOnAFullDiskIsWrittenLater$")
	cmd.Env = append(os.Environ(), envFull+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	entries, bad := read(t, path, 0)
	if len(bad) != 0 {
		t.Errorf("unreadable: %v", bad)
	}
	for i, e := range entries {
		if string(e.Event) != fmt.Sprint(i) {
			t.Fatalf("entry %d is %s", i, e.Event)
		}
	}
	if len(entries) != 100 {
		t.Errorf("%d entries", len(entries))
	}
}

// recordOnFullDisk limits the size of files, which makes a write end short as a full disk does.
func recordOnFullDisk(t *testing.T, path string) {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	small := limit
	small.Cur = 5000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	buf := audit.Open(path).Buffered()
	for i := range 100 {
		record(t, buf, authsome.Event{Name: authsome.EventName(fmt.Sprint(i)), Ref: ref})
	}
	flushed := buf.Flush()
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(flushed, syscall.EFBIG) {
		t.Errorf("Flush: %v", flushed)
	}
	if err := buf.Close(); err != nil {
		t.Error(err)
	}
}
