package demo_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"authsome/internal/cli"
)

// TestMain makes the test binary the authsome executable too: the demo starts it anew for every step, with arguments
// that are none of a test binary's.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(cli.Main())
	}
	os.Exit(m.Run())
}

// demoRun is a demo in a process of its own, with a directory for temporary files that nobody else uses.
type demoRun struct {
	cmd            *exec.Cmd
	temp           string
	stdout, stderr bytes.Buffer
}

func newDemo(t *testing.T, args ...string) *demoRun {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &demoRun{cmd: exec.Command(self, append([]string{"demo"}, args...)...), temp: t.TempDir()}
	// With the race detector every process sleeps for a second before it ends, unless GORACE says otherwise. The rest,
	// but for the directories, is what must not reach the steps.
	d.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "TMPDIR="+d.temp, "TMP="+d.temp, "TEMP="+d.temp,
		"HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1", "AUTHSOME_PROFILE=other",
		"AUTHSOME_MASTER_KEY=wrong", "AUTHSOME_HOME="+filepath.Join(d.temp, "home"), "ACME_TOKEN=at-real")
	d.cmd.Stdout, d.cmd.Stderr = &d.stdout, &d.stderr
	return d
}

func (d *demoRun) run(t *testing.T) (exitCode int) {
	t.Helper()
	return d.exitCode(t, d.cmd.Run())
}

func (d *demoRun) exitCode(t *testing.T, err error) int {
	t.Helper()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok || ok && !exit.Exited() {
		t.Fatalf("the demo did not exit by itself: %v\n%s%s", err, &d.stdout, &d.stderr)
	}
	return d.cmd.ProcessState.ExitCode()
}

func (d *demoRun) wantNothingLeft(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(d.temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("the demo has left %s", e.Name())
	}
}

func TestDemoVerifiesEveryStepAndLeavesNothing(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	if code := d.run(t); code != 0 || d.stderr.Len() > 0 {
		t.Fatalf("exit code %d\n%s%s", code, &d.stdout, &d.stderr)
	}
	transcript := d.stdout.String()
	headings := regexp.MustCompile(`(?m)^\d+\. `).FindAllString(transcript, -1)
	checks := strings.Count(transcript, "   ✓ ")
	if len(headings) != 10 || checks != len(headings) {
		t.Errorf("%d steps and %d check marks, want 10 of each\n%s", len(headings), checks, transcript)
	}
	for _, want := range []string{
		"$ authsome register acme.json\n", "$ authsome login acme\n", "***REDACTED***\n",
		"Error: refresh failed for acme (default): server error (HTTP 503)\n",
		"Error: refresh failed for acme (default): invalid_grant\n", "     authsome-proxy-managed\n",
		`{"account":"ada@acme.test","access_token":"accepted",`, "revoked acme (default)\n", "All 10 steps verified in ",
	} {
		if !strings.Contains(transcript, want) {
			t.Errorf("the transcript lacks %q", want)
		}
	}
	// What the server issues, in full or cut short.
	if secret := regexp.MustCompile(`\b(at|rt|code|acme-secret)-[A-Z2-7]{4,}`).FindString(transcript); secret != "" {
		t.Errorf("the transcript shows a secret: %s", secret)
	}
	if strings.Contains(transcript, "\x1b") {
		t.Error("there are colours where there is no terminal")
	}
	d.wantNothingLeft(t)
}
