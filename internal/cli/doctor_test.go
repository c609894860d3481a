package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// doctorIn runs doctor in a home and returns the exit code and what it printed.
func doctorIn(t *testing.T, home string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = Run(t.Context(), Env{
		Args: append([]string{"doctor", "--log-file", ""}, args...), Stdin: strings.NewReader(""),
		Stdout: &out, Stderr: &errOut, Now: time.Now,
		Environ: []string{"AUTHSOME_HOME=" + home, "HOME=" + filepath.Dir(home)},
	})
	return code, out.String(), errOut.String()
}

// spoiledHome has a configuration that is none, and a definition that is none.
func spoiledHome(t *testing.T) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.MkdirAll(filepath.Join(home, "providers"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "providers/broken.json"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte("\x1b[31m"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func TestDoctorExitsWith0WhereNothingIsInitialised(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	code, out, errOut := doctorIn(t, home)
	if code != 0 || errOut != "" || !strings.Contains(out, "not initialised yet") || strings.Contains(out, "FAIL") {
		t.Errorf("exit code %d, stderr %q:\n%s", code, errOut, out)
	}
	if _, err := os.Stat(home); !os.IsNotExist(err) {
		t.Errorf("the home was made: %v", err)
	}
}

// Contract section 4: exit code 1 when a check fails, also with --json.
func TestDoctorExitsWith1WhenACheckFails(t *testing.T) {
	t.Parallel()
	home := spoiledHome(t)
	code, out, errOut := doctorIn(t, home)
	if code != 1 || errOut != "" {
		t.Errorf("exit code %d, stderr %q", code, errOut)
	}
	for _, want := range []string{"FAIL  configuration", "FAIL  definitions", "authsome remove broken", "ok    vault"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Error("what a file holds steers the terminal")
	}
	if _, quiet, _ := doctorIn(t, home, "--quiet"); strings.Contains(quiet, "ok  ") || !strings.Contains(quiet, "FAIL") {
		t.Errorf("--quiet shows:\n%s", quiet)
	}
}

func TestDoctorPrintsOneJSONDocument(t *testing.T) {
	t.Parallel()
	code, out, errOut := doctorIn(t, spoiledHome(t), "--json")
	if code != 1 || errOut != "" {
		t.Errorf("exit code %d, stderr %q", code, errOut)
	}
	var report struct {
		OK     *bool `json:"ok"`
		Checks []struct {
			Name   string  `json:"name"`
			OK     *bool   `json:"ok"`
			Detail string  `json:"detail"`
			Hint   *string `json:"hint"`
		} `json:"checks"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if report.OK == nil || *report.OK || len(report.Checks) == 0 {
		t.Errorf("%+v", report)
	}
	for _, c := range report.Checks {
		if c.Name == "" || c.OK == nil || c.Detail == "" || c.Hint == nil {
			t.Errorf("incomplete: %+v", c)
		}
	}
}
