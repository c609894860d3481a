package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authsome/vault"
)

func openTemporary(tb testing.TB) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), filepath.Join(tb.TempDir(), "vault.db"), Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// Versions up to 3.51.2 can corrupt a database that several connections write.
func TestSQLiteIsNotOneOfTheBrokenVersions(t *testing.T) {
	t.Parallel()
	version, err := openTemporary(t).EngineVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		t.Fatalf("version %q: %v", version, err)
	}
	if major*1_000_000+minor*1_000+patch < 3_051_003 {
		t.Errorf("SQLite is %s, want 3.51.3 or later", version)
	}
}

func TestConnectionsAreDurableAndWaitForOthers(t *testing.T) {
	t.Parallel()
	s := openTemporary(t)
	for pragma, want := range map[string]string{
		"journal_mode": "truncate", "synchronous": "2", "busy_timeout": "10000", "cell_size_check": "1",
		"page_size": fmt.Sprint(pageSize), "user_version": fmt.Sprint(schemaVersion), "application_id": "1635087464",
	} {
		got, err := queryOne[any](t.Context(), s.db, "PRAGMA "+pragma)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s is %v, want %s", pragma, got, want)
		}
	}
}

func TestLockFilesHaveNamesThatEverySystemAccepts(t *testing.T) {
	t.Parallel()
	seen := make(map[string]vault.Key)
	for key, prefix := range map[vault.Key]string{
		"profile/default/provider/x/connection/jo+1@example.com": "profile-default-provider-x-connection-jo+1@example-com-",
		"Work":                  "work-",
		"work":                  "work-",
		"../../etc/passwd":      "------etc-passwd-",
		"con":                   "con-",
		"a\x00b c:ключ":         "a-b-c-----",
		"":                      "-",
		vault.Key(long("x")):    long("x")[:80] + "-",
		vault.Key(long("x/y")):  "x-yx-y",
		vault.Key(long("ключ")): "------",
	} {
		name := lockName(key)
		if !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, ".lock") || len(name) > 120 {
			t.Errorf("lock file of %q is %q, want %q and more", key, name, prefix)
		}
		if other, taken := seen[strings.ToLower(name)]; taken {
			t.Errorf("%q and %q share a lock file", key, other)
		}
		seen[strings.ToLower(name)] = key
	}
}

func long(s string) string { return strings.Repeat(s, 300) }

func TestLockFilesArePrivate(t *testing.T) {
	t.Parallel()
	s := openTemporary(t)
	unlock, err := s.Lock(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	for path, want := range map[string]os.FileMode{s.lockDir: 0o700, filepath.Join(s.lockDir, lockName("k")): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want && os.PathSeparator == '/' {
			t.Errorf("%s has mode %04o, want %04o", path, got, want)
		}
	}
}
