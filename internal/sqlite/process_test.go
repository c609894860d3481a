package sqlite_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"authsome/internal/keysource"
	"authsome/internal/sqlite"
	"authsome/vault"
)

// Tests run this binary again as other processes: task says what for, its home lies in the second argument.
const taskVariable = "SQLITE_TEST_TASK"

// tasks is what another process can do. Each writes a line to standard output per step.
func tasks() map[string]func(ctx context.Context, home string) error {
	return map[string]func(context.Context, string) error{
		"first-run":  firstRun,
		"increment":  increment50,
		"hold-lock":  holdLock,
		"write-pair": writePairs,
		"fill-disk":  fillDisk,
		"read-only":  readOnly,
		"migrate":    migrateSlowly,
	}
}

func TestMain(m *testing.M) {
	if task := tasks()[os.Getenv(taskVariable)]; task != nil {
		if err := task(context.Background(), os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is another process.
type child struct {
	cmd    *exec.Cmd
	stdout *bufio.Scanner
	stderr strings.Builder
}

func start(t *testing.T, task, home string) *child {
	t.Helper()
	c := &child{cmd: exec.CommandContext(t.Context(), os.Args[0], home)}
	c.cmd.Env = append(os.Environ(), taskVariable+"="+task)
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdout = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// lines returns what is left of the output, once the process has ended well.
func (c *child) lines(t *testing.T) []string {
	t.Helper()
	var lines []string
	for c.stdout.Scan() {
		lines = append(lines, c.stdout.Text())
	}
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", c.cmd.Env[len(c.cmd.Env)-1], err, c.stderr.String())
	}
	return lines
}

// kill ends the process without notice, and returns the last line it had written.
func (c *child) kill(t *testing.T) (last string) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for c.stdout.Scan() {
		last = c.stdout.Text()
	}
	_ = c.cmd.Wait() // says that it was killed
	return last
}

func openHome(ctx context.Context, home string) (*vault.Vault, error) {
	store, err := openStore(ctx, home)
	if err != nil {
		return nil, err
	}
	v, err := vault.Open(ctx, store, keysource.File(filepath.Join(home, "master.key")))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return v, nil
}

func openStore(ctx context.Context, home string) (*sqlite.Store, error) {
	return sqlite.Open(ctx, filepath.Join(home, "vault.db"), sqlite.Options{LockDir: filepath.Join(home, "run", "locks")})
}

func mustOpenHome(t *testing.T, home string) *vault.Vault {
	t.Helper()
	v, err := openHome(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func firstRun(ctx context.Context, home string) error {
	_, _ = io.Copy(io.Discard, os.Stdin) // all start when the parent lets go
	v, err := openHome(ctx, home)
	if err != nil {
		return err
	}
	_, err = v.Put(ctx, vault.Key("process/"+strconv.Itoa(os.Getpid())), []byte("was here"), 0)
	return errors.Join(err, v.Close())
}

func TestRacingFirstRunsMakeOneMasterKeyAndOneDataKey(t *testing.T) {
	t.Parallel()
	const processes = 16
	home := filepath.Join(t.TempDir(), "home")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	children := make([]*child, processes)
	for i := range children {
		children[i] = &child{cmd: exec.CommandContext(t.Context(), os.Args[0], home)}
		c := children[i]
		c.cmd.Env = append(os.Environ(), taskVariable+"=first-run")
		c.cmd.Stdin, c.cmd.Stderr, c.stdout = r, &c.stderr, bufio.NewScanner(strings.NewReader(""))
		if err := c.cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = r.Close(), w.Close()
	for _, c := range children {
		c.lines(t)
	}
	records, err := mustOpenHome(t, home).List(t.Context(), "process/")
	if err != nil || len(records) != processes {
		t.Errorf("%d records can be opened, want %d; error %v", len(records), processes, err)
	}
	entries, err := os.ReadDir(home)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		want := os.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want && os.PathSeparator == '/' {
			t.Errorf("%s has mode %04o, want %04o", e.Name(), got, want)
		}
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func increment50(ctx context.Context, home string) error {
	v, err := openHome(ctx, home)
	if err != nil {
		return err
	}
	for range 50 {
		if err := incrementOnce(ctx, v); err != nil {
			return err
		}
	}
	return v.Close()
}

func incrementOnce(ctx context.Context, v *vault.Vault) error {
	for {
		rec, err := v.Get(ctx, "n")
		if err != nil {
			return err
		}
		next := binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(rec.Value)+1)
		_, err = v.Put(ctx, "n", next, rec.Version)
		if !errors.Is(err, vault.ErrConflict) {
			return err
		}
	}
}

func TestEightProcessesLoseNoIncrement(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	v := mustOpenHome(t, home)
	if _, err := v.Put(t.Context(), "n", make([]byte, 8), 0); err != nil {
		t.Fatal(err)
	}
	children := make([]*child, 8)
	for i := range children {
		children[i] = start(t, "increment", home)
	}
	for _, c := range children {
		c.lines(t)
	}
	rec, err := v.Get(t.Context(), "n")
	if err != nil {
		t.Fatal(err)
	}
	if got := binary.BigEndian.Uint64(rec.Value); got != 400 || rec.Version != 401 {
		t.Errorf("400 increments left %d at version %d", got, rec.Version)
	}
}

func holdLock(ctx context.Context, home string) error {
	v, err := openHome(ctx, home)
	if err != nil {
		return err
	}
	if _, err := v.Lock(ctx, "k"); err != nil {
		return err
	}
	fmt.Println("locked")
	select {}
}

func TestALockEndsWithItsHolder(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	v := mustOpenHome(t, home)
	holder := start(t, "hold-lock", home)
	if !holder.stdout.Scan() {
		t.Fatalf("the holder did not get the lock: %s", holder.stderr.String())
	}
	waiting := make(chan error, 1)
	go func() {
		unlock, err := v.Lock(t.Context(), "k")
		if err == nil {
			unlock()
		}
		waiting <- err
	}()
	select {
	case err := <-waiting:
		t.Fatalf("the lock was given twice: %v", err)
	default:
	}
	holder.kill(t)
	if err := <-waiting; err != nil {
		t.Errorf("lock after the holder's death: %v", err)
	}
}

// writePairs writes two records together, again and again, and prints the version that is committed.
func writePairs(ctx context.Context, home string) error {
	v, err := openHome(ctx, home)
	if err != nil {
		return err
	}
	for {
		version := uint64(0)
		if rec, err := v.Get(ctx, "a"); err == nil {
			version = rec.Version
		}
		value := make([]byte, 20_000) // several pages, so that a commit has many steps to be killed between
		if err := v.Apply(ctx,
			vault.Change{Key: "a", Value: value, Prev: version}, vault.Change{Key: "b", Value: value, Prev: version},
		); err != nil {
			return err
		}
		fmt.Println(version + 1)
	}
}

func TestAKilledWriterLosesNoCommit(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for round := range 8 {
		writer := start(t, "write-pair", home)
		last := ""
		for range 1 + round*2 {
			if !writer.stdout.Scan() {
				t.Fatalf("round %d: the writer gave up: %s", round, writer.stderr.String())
			}
			last = writer.stdout.Text()
		}
		if later := writer.kill(t); later != "" {
			last = later
		}
		committed, err := strconv.ParseUint(last, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		v, err := openHome(t.Context(), home)
		if err != nil {
			t.Fatalf("round %d: the vault does not open: %v", round, err)
		}
		a, errA := v.Get(t.Context(), "a")
		b, errB := v.Get(t.Context(), "b")
		if errA != nil || errB != nil || a.Version != b.Version || a.Version < committed {
			t.Fatalf("round %d: a is at %d (%v), b at %d (%v), but %d was committed",
				round, a.Version, errA, b.Version, errB, committed)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
}
