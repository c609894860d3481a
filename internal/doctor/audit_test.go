package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"authsome/local"
)

// What is no file cannot be appended to, not even by root, whom modes do not stop.
func TestAuditLogThatCannotBeWrittenFails(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	path := filepath.Join(cfg.Home, local.AuditFile)
	if err := first(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	c := only(t, cfg, "audit_log")["audit_log"]
	mustContain(t, c.Detail, "cannot be written", path)
	if c.Hint == "" {
		t.Error("there is no hint")
	}
}

func TestAuditLogIsOpenedAndNotWritten(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	path := filepath.Join(cfg.Home, local.AuditFile)
	before := read(t, path)
	only(t, cfg)
	if read(t, path) != before {
		t.Error("the log was written to")
	}
}

// A torn entry is what a crash leaves. It is counted, and no failure.
func TestUnreadableAuditEntriesAreCounted(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	path := filepath.Join(cfg.Home, local.AuditFile)
	write(t, path, `{"timestamp":"2026-`+"\n"+read(t, path)+"edited\n")
	mustContain(t, only(t, cfg)["audit_log"].Detail, "2 entries, and 2 that cannot be read")
}
