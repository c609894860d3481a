//go:build !windows

package doctor

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"authsome/local"
)

// The files of docs/commands.md, and directories.
func TestWrongModesAreFoundAndTheHintMendsThem(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]fs.FileMode{
		".": 0o755, "config.json": 0o644, "vault.db": 0o640, "providers/acme.json": 0o666, "audit.log": 0o604,
		"logs/authsome.log": 0o400, "logs": 0o711, "run": 0o755, "run/locks": 0o777, "run/child-1/bundle.pem": 0o644,
		"it's here $(now)": 0o644, "vault.db-journal": 0o660,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := newHome(t)
			path := filepath.Join(cfg.Home, name)
			if _, err := os.Stat(path); err != nil {
				write(t, path, "")
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			c := only(t, cfg, "file_modes")["file_modes"]
			mustContain(t, c.Detail, path, fmt.Sprintf("mode %04o", mode))
			paste(t, c.Hint)
			only(t, cfg)
		})
	}
}

// A key that others may read is refused by the vault as well.
func TestExposedKeyIsFoundAndTheHintMendsIt(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	path := filepath.Join(cfg.Home, local.KeyFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	checks := only(t, cfg, "file_modes", "master_key")
	mustContain(t, checks["master_key"].Hint, "chmod 600 "+path)
	paste(t, checks["master_key"].Hint)
	only(t, cfg)
}

func TestManyWrongModesAreMendedByOneCommand(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	for i := range 3 * fewFiles {
		path := filepath.Join(cfg.Home, "run", fmt.Sprintf("child-%d", i), "ca.pem")
		write(t, path, "")
		if err := first(os.Chmod(path, 0o644), os.Chmod(filepath.Dir(path), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	c := only(t, cfg, "file_modes")["file_modes"]
	mustContain(t, c.Detail, fmt.Sprintf("and %d more", 6*fewFiles-fewFiles))
	paste(t, c.Hint)
	only(t, cfg)
}

func TestFileOfSomebodyElseIsFound(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	me := os.Geteuid()
	problems, _ := walkHome(cfg.Home, me+1)
	mustContain(t, describeFiles(cfg.Home, problems), fmt.Sprintf("belongs to user %d, not to you (%d)", me, me+1))
	mustContain(t, mendFiles(cfg.Home, problems), "chown -R", cfg.Home)
}

func TestHomeThatIsALinkIsExamined(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := first(os.Symlink(cfg.Home, link), os.Chmod(filepath.Join(cfg.Home, local.VaultFile), 0o644)); err != nil {
		t.Fatal(err)
	}
	cfg.Home = link
	mustContain(t, only(t, cfg, "file_modes")["file_modes"].Detail, local.VaultFile)
}

// To open a pipe would wait for a reader.
func TestAuditLogThatIsAPipeFailsAtOnce(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	path := filepath.Join(cfg.Home, local.AuditFile)
	if err := first(os.Remove(path), unix.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	mustContain(t, only(t, cfg, "audit_log")["audit_log"].Detail, "is not a file")
}

// paste runs a hint as a person would.
func paste(t *testing.T, hint string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", hint).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", hint, err, out)
	}
}
