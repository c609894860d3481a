package loopback_test

import (
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"authsome"
	"authsome/internal/loopback"
)

const (
	owner    = 54321
	stranger = 12345
)

// as runs curl as a user, who sees the addresses among the arguments of the browser, and returns what it prints of the answer.
func as(t *testing.T, uid uint32, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "curl", append([]string{"-s", "-o", "/dev/null", "-w", "%{http_code}"}, args...)...)
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("curl as %d: %v", uid, err)
	}
	return string(out)
}

// Another user of the machine reads the state and the address of the form in the process list, and answers first, with a code
// or a key of an account of their own.
func TestPagesAreForTheirUserAlone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be several users")
	}
	for _, program := range []string{"curl", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
	loopback.SetUser(owner)
	t.Cleanup(func() { loopback.SetUser(os.Geteuid()) })

	c := listen(t, authsome.Redirect{})
	answer := c.RedirectURI() + "?code=theirs&state=s"
	if got := as(t, stranger, answer); got != "403" {
		t.Errorf("another user's answer: HTTP %s", got)
	}
	hangUp(t, stranger, answer)
	if got := as(t, owner, c.RedirectURI()+"?code=mine&state=s"); got != "303" {
		t.Errorf("the user's own answer: HTTP %s", got)
	}
	if got, err := c.Wait(t.Context()); err != nil || !strings.Contains(got, "code=mine") {
		t.Errorf("the answer is %q, error %v", got, err)
	}

	f, err := loopback.ServeForm(loopback.FormConfig{Provider: "acme", Fields: []authsome.Field{{Name: "api_key", Label: "Key", Secret: true}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	for uid, want := range map[uint32]string{stranger: "403", owner: "200", 0: "200"} {
		if got := as(t, uid, f.URL()); got != want {
			t.Errorf("user %d sees the form: HTTP %s", uid, got)
		}
	}
	if got := as(t, stranger, "-d", "api_key=theirs", f.URL()); got != "403" {
		t.Errorf("another user's key: HTTP %s", got)
	}
	if got := as(t, owner, "-d", "api_key=mine", f.URL()); got != "303" {
		t.Errorf("the user's own key: HTTP %s", got)
	}
	if got, err := f.Wait(t.Context()); err != nil || got["api_key"].Reveal() != "mine" {
		t.Errorf("the key is %q, error %v", got["api_key"].Reveal(), err)
	}
}

// hangUp sends a request as a user, and does not stay to be looked at: the system knows no owner of its socket then.
func hangUp(t *testing.T, uid uint32, target string) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	const script = `exec 3<>"/dev/tcp/$1/$2" && printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n' "$3" "$1" "$2" >&3`
	for range 20 {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script, "bash", u.Hostname(), u.Port(), u.RequestURI())
		cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}
