package doctor

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"

	"authsome/local"
)

// envHold makes this test's binary hold the locks and the vault of a home until it is killed.
const envHold = "AUTHSOME_TEST_HOLD"

func TestMain(m *testing.M) {
	if home := os.Getenv(envHold); home != "" {
		if err := hold(home); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func hold(home string) error {
	db, err := sql.Open("sqlite", dataSource(filepath.Join(home, local.VaultFile)))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(context.Background(), "BEGIN EXCLUSIVE; DELETE FROM sealed_record"); err != nil {
		return err
	}
	if err := flock.New(filepath.Join(home, local.RunDir, "locks", "held.lock"), flock.SetPermissions(0o600)).Lock(); err != nil {
		return err
	}
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin) // until it is killed
	return err
}

// Issue 2: a vault held by a crashed process must recover by itself.
func TestVaultHeldByAProcessThatWasKilledIsFine(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), envHold+"="+cfg.Home)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("the process does not hold the vault: %q, %v", line, err)
	}
	files, err := (&examination{Config: cfg}).lockFiles()
	if err != nil {
		t.Fatal(err)
	}
	if held, err := heldNow(files); err != nil || len(held) != 1 {
		t.Fatalf("held are %q, %v", held, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	checks := only(t, cfg)
	mustContain(t, checks["locks"].Detail, "is held")
	mustContain(t, checks["connections"].Detail, "all 1 can be read")
}

func TestLockThatIsHeldForLongIsReportedAndNoFailure(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	path := filepath.Join(cfg.Home, local.RunDir, "locks", "github.lock")
	lock := flock.New(path, flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	synctest.Test(t, func(t *testing.T) {
		c := (&examination{Config: cfg}).locks(t.Context())
		if !c.OK || c.Hint == "" {
			t.Errorf("%+v", c)
		}
		mustContain(t, c.Detail, "github.lock is held by ")
		if runtime.GOOS == "linux" && lockHolder(path) != 0 { // 0 where the device in /proc/locks is another one
			mustContain(t, c.Detail, fmt.Sprintf("process %d", os.Getpid()))
		}
	})
}

func TestLockThatIsHeldForAMomentIsNotWorthAWord(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	lock := flock.New(filepath.Join(cfg.Home, local.RunDir, "locks", "github.lock"), flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		time.AfterFunc(lockPatience/2, func() { _ = lock.Unlock() })
		if c := (&examination{Config: cfg}).locks(t.Context()); !c.OK || c.Hint != "" {
			t.Errorf("%+v", c)
		}
	})
}
