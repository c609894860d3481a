package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"authsome"
	"authsome/internal/sandbox"
)

// envRole makes a run of the test binary one of the programs in roles.
const envRole = "TEST_RUN_ROLE"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		syscall.Exit(sandbox.Main()) // os.Exit takes a second with the race detector
	}
	role := os.Getenv(envRole)
	if role == "" {
		os.Exit(m.Run())
	}
	os.Exit(roles()[role](os.Args[1:]))
}

// roles are programs that tests start: role "run" is what authsome does, the others are its children.
func roles() map[string]func(args []string) int {
	all := map[string]func(args []string) int{
		"environment": func([]string) int {
			fmt.Println(strings.Join(os.Environ(), "\n"))
			return 0
		},
		"exit7": func([]string) int { return 7 },
		"copy": func([]string) int {
			var b bytes.Buffer
			_, _ = b.ReadFrom(os.Stdin)
			fmt.Print(strings.ToUpper(b.String()))
			return 0
		},
		"run": func(args []string) int {
			c, err := boxed(&Command{Args: []string{os.Args[0]}, Env: roleEnv(args[0])})
			if err != nil {
				fmt.Println(err)
				return 1
			}
			code, err := c.Run(context.Background())
			if err != nil {
				fmt.Println(err)
			}
			return code
		},
	}
	for name, role := range signalRoles() {
		all[name] = role
	}
	return all
}

// roleEnv is the environment of a test program.
func roleEnv(role string, more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, envRole+"=") })
	return append(append(env, envRole+"="+role), more...)
}

// capture runs a command with its output in a file and returns both.
func capture(t *testing.T, c *Command) (output string, code int, err error) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	if c, err = boxed(c); err != nil {
		t.Fatal(err)
	}
	code, err = c.Run(t.Context())
	return contents(t, out.Name()), code, err
}

func TestChildSeesNoSecret(t *testing.T) {
	t.Parallel()
	parent := roleEnv("environment", "GH_TOKEN=real-secret", "AUTHSOME_MASTER_KEY=real-secret", "GITHUB_CLIENT_SECRET=real-secret")
	output, code, err := capture(t, &Command{Args: []string{os.Args[0]}, Env: Environ(parent, settings())})
	if code != 0 || err != nil {
		t.Fatalf("%d, %v", code, err)
	}
	if strings.Contains(output, "real-secret") || !strings.Contains(output, "GH_TOKEN="+authsome.Placeholder+"\n") {
		t.Error(output)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := write(t, filepath.Join(dir, "plain"), []byte("no program"))
	broken := write(t, filepath.Join(dir, "broken"), []byte{0, 1, 2})
	if err := os.Chmod(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, program, role string
		want                int
		unix                bool
	}{
		{"the child's own", os.Args[0], "exit7", 7, false},
		{"not found in PATH", "authsome-no-such-program", "", 127, false},
		{"no such file", filepath.Join(dir, "none"), "", 127, false},
		{"no name", "", "", 127, false},
		{"not executable", plain, "", 126, true},
		{"not executable in PATH", "plain", "", 126, true},
		{"a directory", dir, "", 126, true},
		{"not a program", broken, "", 126, true},
	}
	for _, tt := range tests {
		if tt.unix && runtime.GOOS == "windows" {
			continue
		}
		c, err := boxed(&Command{Args: []string{tt.program}, Env: roleEnv(tt.role, "PATH="+dir)})
		if err != nil {
			t.Fatal(err)
		}
		code, err := c.Run(t.Context())
		if code != tt.want || (err != nil) != (tt.want > 7) {
			t.Errorf("%s: %d, %v; want %d", tt.name, code, err, tt.want)
		}
		if e, ok := errors.AsType[*authsome.Error](err); err != nil && (!ok || !strings.Contains(e.Message, tt.program)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestChildHasTheStandardFiles(t *testing.T) {
	t.Parallel()
	in, err := os.Open(write(t, filepath.Join(t.TempDir(), "in"), []byte("hello")))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	output, code, err := capture(t, &Command{Args: []string{os.Args[0]}, Env: roleEnv("copy"), Stdin: in})
	if output != "HELLO" || code != 0 || err != nil {
		t.Errorf("%q, %d, %v", output, code, err)
	}
}

// envBoxed makes the commands of a run of the tests run in a sandbox each.
const envBoxed = "TEST_RUN_BOXED"

// boxed puts a command into a sandbox if this run of the tests is about those.
func boxed(c *Command) (*Command, error) {
	if os.Getenv(envBoxed) == "" {
		return c, nil
	}
	box, err := sandbox.Start(sandbox.Config{Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr})
	if err != nil {
		return nil, err
	}
	c.Box = box
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "authsome-boxed-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	// The programs of the tests lie in a temporary directory, which is seen if it is in PATH.
	path := "PATH=" + filepath.Dir(os.Args[0]) + string(filepath.ListSeparator) + lookup(c.Env, "PATH", func(n string) string { return n })
	return c, box.Enter(sandbox.View{Dir: dir, UserHome: dir, Home: home, Environ: []string{path}})
}
