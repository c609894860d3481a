// Package keyring_test drives the program with a real keyring of the Secret Service: a gnome-keyring in a session of its own.
package keyring_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"authsome/tests/internal/process"
)

func TestMain(m *testing.M) { os.Exit(process.Main(m)) }

// envInside says that this process runs inside the session.
const envInside = "AUTHSOME_TEST_KEYRING"

// TestKeyring starts itself again under a session bus of its own, with an unlocked keyring and nothing of the person's.
func TestKeyring(t *testing.T) {
	if os.Getenv(envInside) != "" {
		t.Skip("inside")
	}
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed", program)
			}
			t.Skipf("%s is not installed", program)
		}
	}
	home := t.TempDir()
	runtimeDir := filepath.Join(home, "runtime")
	if err := os.Mkdir(runtimeDir, 0o700); err != nil {
		t.Fatal(err)
	}
	// The daemon is given a moment by its own "--unlock", which returns when the collection is open.
	script := `printf 'password of the keyring' | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$0" "$@"`
	cmd := exec.CommandContext(t.Context(), "dbus-run-session", "--", "sh", "-c", script,
		os.Args[0], "-test.run=^TestInside", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), envInside+"=1", "HOME="+home, "XDG_RUNTIME_DIR="+runtimeDir,
		"XDG_DATA_HOME="+filepath.Join(home, "data"), "DISPLAY=", "WAYLAND_DISPLAY=")
	// A file and not a pipe: the daemon outlives the session by a while, and would keep a pipe open.
	output, err := os.Create(filepath.Join(home, "output"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = output, output
	err = errors.Join(cmd.Run(), output.Close())
	out, _ := os.ReadFile(output.Name())
	if err != nil || !strings.Contains(string(out), "--- PASS: TestInside") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

const secret = "sk-proj-0123456789012345678901234567890123"

// session passes the bus on to the program, whose environment is otherwise bare.
func session(t *testing.T) *process.Home {
	h := process.NewHome(t)
	for _, name := range []string{"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_DATA_HOME"} {
		h.Env = append(h.Env, name+"="+os.Getenv(name))
	}
	h.MustWith(t, secret, "login", "openai", "--with-token")
	return h
}

func wantSecret(t *testing.T, when string, h *process.Home) {
	t.Helper()
	r := h.Try(t, "get", "openai", "--field", "api_key", "--show-secret")
	if r.Code != 0 || strings.TrimSpace(r.Stdout) != secret {
		t.Errorf("%s: %s", when, r)
	}
}

func inside(t *testing.T) {
	t.Helper()
	if os.Getenv(envInside) == "" {
		t.Skip("runs inside TestKeyring")
	}
}

func TestInsideTheKeyTakesTheWayThere(t *testing.T) {
	inside(t)
	h := session(t)
	h.Must(t, "key", "use", "keyring")
	if _, err := os.Stat(filepath.Join(h.Dir, "master.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key file is still there: %v", err)
	}
	wantSecret(t, "from the keyring", h)
	status := h.Must(t, "key", "status")
	if !strings.Contains(status, "key_source     keyring") || !strings.Contains(status, "account=vault-") {
		t.Errorf("status:\n%s", status)
	}
	h.Must(t, "key", "rotate")
	wantSecret(t, "after a rotation", h)
	h.Must(t, "doctor")
	if out := h.Must(t, "key", "use", "keyring"); !strings.Contains(out, "already") {
		t.Errorf("again: %s", out)
	}
	wantSecret(t, "after a change to the same", h)

	// Without the session the vault is locked: exit 7, a hint, and no waiting.
	bare := &process.Home{Dir: h.Dir}
	if r := bare.Try(t, "get", "openai"); r.Code != 7 || !strings.Contains(r.Stderr, "hint: unlock the keyring") {
		t.Errorf("without a session: %s", r)
	}
	h.Must(t, "key", "use", "file")
	wantSecret(t, "from the file", bare)
}

func TestInsideTwoHomesHaveKeysOfTheirOwn(t *testing.T) {
	inside(t)
	one, two := session(t), session(t)
	one.Must(t, "key", "use", "keyring")
	two.Must(t, "key", "use", "keyring")
	one.Must(t, "key", "use", "file") // which removes the key of this home from the keyring
	wantSecret(t, "the other home", two)
	two.Must(t, "key", "use", "file")
}

// The last of the tests: it kills the keyring's daemon of this session, and starts one that is locked.
func TestInsideZLockedKeyring(t *testing.T) {
	inside(t)
	h := session(t)
	h.Must(t, "key", "use", "keyring")
	cmd := exec.CommandContext(t.Context(), "gnome-keyring-daemon", "--replace", "--start", "--components=secrets")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r := h.Try(t, "get", "openai"); r.Code != 7 || !strings.Contains(r.Stderr, "hint: unlock the keyring") {
		t.Errorf("with a locked keyring: %s", r)
	}
	if r := h.Try(t, "key", "status"); r.Code != 0 || !strings.Contains(r.Stdout, "keyring") {
		t.Errorf("the status needs no key: %s", r)
	}
}
