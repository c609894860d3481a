//go:build unix

package demo_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// withPrograms makes a directory with links to programs the whole PATH.
func (d *demoRun) withPrograms(t *testing.T, names ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	d.cmd.Env = append(d.cmd.Env, "PATH="+dir)
	return dir
}

// As in a container, which has no other program.
func TestDemoAsJSONIsOneDocumentAlsoWithoutPrograms(t *testing.T) {
	t.Parallel()
	d := newDemo(t, "--json")
	d.withPrograms(t)
	code := d.run(t)
	var doc struct {
		OK    bool
		Steps []struct{ Title, Verified string }
	}
	if err := json.Unmarshal(d.stdout.Bytes(), &doc); err != nil {
		t.Fatalf("%v\n%s%s", err, &d.stdout, &d.stderr)
	}
	if code != 0 || !doc.OK || len(doc.Steps) != 10 || doc.Steps[0].Verified == "" {
		t.Errorf("exit code %d, document %+v", code, doc)
	}
	d.wantNothingLeft(t)
}

func TestDemoFailsAtTheStepThatCannotBeVerified(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	dir := d.withPrograms(t, "sh")
	// It prints what is expected, but calls nobody.
	liar := "#!/bin/sh\necho '{\"account\":\"ada@acme.test\"}'\n"
	if err := os.WriteFile(filepath.Join(dir, "curl"), []byte(liar), 0o700); err != nil {
		t.Fatal(err)
	}
	if code := d.run(t); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	want := "Error: step 6 of the demo failed (Run a program: it holds a placeholder, the API sees the token): " +
		"the API got no request\n"
	if d.stderr.String() != want {
		t.Errorf("standard error is %q, want %q", &d.stderr, want)
	}
	if n := strings.Count(d.stdout.String(), "   ✓ "); n != 5 || !strings.HasSuffix(d.stdout.String(), "   ✗ the API got no request\n") {
		t.Errorf("%d steps verified, want 5, and the end marked as failed:\n%s", n, &d.stdout)
	}
	d.wantNothingLeft(t)
}

// started runs a demo until it has printed a line with text in it.
func (d *demoRun) started(t *testing.T, text string) (output *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	d.cmd.Stdout = w
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return r
		}
	}
	t.Fatalf("the demo has not printed %q: %s", text, &d.stderr)
	return nil
}

func TestInterruptedDemoEndsWhatItRunsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	dir := d.withPrograms(t, "sh", "sleep")
	running := filepath.Join(dir, "running")
	if err := syscall.Mkfifo(running, 0o600); err != nil {
		t.Fatal(err)
	}
	endless := "#!/bin/sh\necho $$ > " + running + "\nexec sleep 60\n"
	if err := os.WriteFile(filepath.Join(dir, "curl"), []byte(endless), 0o700); err != nil {
		t.Fatal(err)
	}
	d.started(t, "-- curl")
	line, err := os.ReadFile(running) // blocks until it runs
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(line)))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := d.exitCode(t, d.cmd.Wait()); code != 8 {
		t.Errorf("exit code %d, want 8", code)
	}
	if want := "Error: the demo was cancelled\n"; d.stderr.String() != want {
		t.Errorf("standard error is %q, want %q", &d.stderr, want)
	}
	if err := syscall.Kill(child, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the program of the step still runs: %v", err)
	}
	d.wantNothingLeft(t)
}

func TestDemoThatNobodyReadsLeavesNothing(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	d.started(t, "1. ").Close()
	if code := d.exitCode(t, d.cmd.Wait()); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if !strings.Contains(d.stderr.String(), "broken pipe") {
		t.Errorf("standard error is %q", &d.stderr)
	}
	d.wantNothingLeft(t)
}
