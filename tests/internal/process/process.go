// Package process builds the program and runs it the way people and scripts do: as a process, in a home of its own.
//
// A package whose tests use it calls [Main] from its TestMain.
package process

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// program is the path of the binary under test, built by Main.
var program string

// envProgram names a binary to test in place of one that Main builds.
const envProgram = "AUTHSOME_TEST_PROGRAM"

// With returns the environment entry that makes [Main] test the given binary.
func With(path string) string { return envProgram + "=" + path }

// Main builds the program, runs the tests and returns the exit code for os.Exit.
func Main(m *testing.M) int {
	if program = os.Getenv(envProgram); program != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "authsome-program-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }() // what stays lies in the temporary directory
		program, err = Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// together is how many tests run at once where they wait for most of their time. More would compete for the processors with
// what they wait for.
const together = 6

// WaitTogether has as many tests run at once, on a machine of few processors, as suits tests that wait for processes. A flag
// -parallel is obeyed.
func WaitTogether() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if limit := flag.Lookup("test.parallel"); limit != nil && !given && runtime.GOMAXPROCS(0) < together {
		_ = limit.Value.Set(strconv.Itoa(together)) // a number is one
	}
}

// Root returns the directory of the program's module.
func Root() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "authsome").Output()
	if err != nil {
		return "", fmt.Errorf("find the module authsome: %w", err)
	}
	return strings.TrimSpace(string(root)), nil
}

// Build compiles the program into a directory, in its own module, so that it has the dependencies that it is released
// with, and without cgo and race detector, as it is released. flags are further ones for "go build".
func Build(dir string, flags ...string) (string, error) { return build(dir, "authsome", flags...) }

// BuildAge compiles the helper for age and SSH keys into a directory, where it is found if that is on $PATH.
func BuildAge(dir string) (string, error) { return build(dir, "authsome-age") }

func build(dir, name string, flags ...string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	cmd := exec.Command("go", slices.Concat([]string{"build", "-o", path}, flags, []string{"./cmd/" + name})...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// Home is where the processes of one test keep their things.
type Home struct {
	Dir string   // the authsome home
	Env []string // what they find in their environment besides
}

// NewHome returns a home that does not exist yet.
func NewHome(t testing.TB) *Home {
	t.Helper()
	return &Home{Dir: filepath.Join(t.TempDir(), "home")}
}

// limit ends a process that hangs. It is above every timeout that the program has in these tests.
const limit = 90 * time.Second

// Command returns a process that has not been started.
func (h *Home) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{
		"AUTHSOME_HOME=" + h.Dir, "HOME=" + filepath.Dir(h.Dir), "PATH=" + os.Getenv("PATH"),
		"SYSTEMROOT=" + os.Getenv("SYSTEMROOT"), // without which Windows opens no socket
		// The tests' own binary is what a run starts; with the race detector it sleeps for a second when it ends otherwise.
		"GORACE=atexit_sleep_ms=0",
	}, h.Env...)
	return cmd
}

// Result is what a process has left.
type Result struct {
	Stdout string
	Stderr string
	Code   int // -1: killed
}

// String shows everything, for failed tests.
func (r Result) String() string {
	return fmt.Sprintf("exit code %d\nstdout: %s\nstderr: %s", r.Code, r.Stdout, r.Stderr)
}

// Run runs a command to its end with the given standard input.
func (h *Home) Run(ctx context.Context, stdin string, args ...string) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := h.Command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		err = ctx.Err()
	}
	return r, err
}

// Try runs a command without standard input.
func (h *Home) Try(t testing.TB, args ...string) Result {
	t.Helper()
	r, err := h.Run(t.Context(), "", args...)
	if err != nil {
		t.Fatalf("authsome %s: %v\n%s", strings.Join(args, " "), err, r)
	}
	return r
}

// Must runs a command that has to succeed and returns what it printed, without white space around.
func (h *Home) Must(t testing.TB, args ...string) string {
	t.Helper()
	return h.MustWith(t, "", args...)
}

// MustWith is Must with standard input.
func (h *Home) MustWith(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	r, err := h.Run(t.Context(), stdin, args...)
	if err != nil || r.Code != 0 {
		t.Fatalf("authsome %s: error %v\n%s", strings.Join(args, " "), err, r)
	}
	return strings.TrimSpace(r.Stdout)
}

// Register writes a definition to a file and registers it.
func (h *Home) Register(t testing.TB, definition string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "definition.json")
	if err := os.WriteFile(path, []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Must(t, "register", path)
}
