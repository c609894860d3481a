//go:build amd64 || arm64

package run

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"authsome/internal/sandbox"
)

// TestInASandbox runs the tests of this package that are about the child's life again, with every child in a sandbox: what is
// promised of exit codes, signals and the terminal holds there as well.
func TestInASandbox(t *testing.T) {
	if os.Getenv(envBoxed) != "" {
		t.Skip("this is such a run")
	}
	for _, f := range sandbox.Examine() {
		if !f.OK && os.Getenv("CI") == "" {
			t.Skip(f.Detail)
		}
	}
	tests := []string{
		"ExitCodes", "ChildSeesNoSecret", "ChildHasTheStandardFiles", "ChildEndsWhenWeAreKilled", "KeyboardInterruptArrivesOnce",
		"SignalsAreForwarded", "DeathBySignalIsReportedAsShellsDo", "ContextEndsTheChild", "IgnoredHangupStaysIgnored",
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^Test("+strings.Join(tests, "|")+")$")
	cmd.Env = append(os.Environ(), envBoxed+"=1")
	out, err := cmd.CombinedOutput()
	if n := strings.Count(string(out), "--- PASS: Test"); err != nil || n != len(tests) {
		t.Errorf("%v, %d of %d passed\n%s", err, n, len(tests), out)
	}
}
