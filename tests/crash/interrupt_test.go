package crash_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"authsome/internal/authserver"
	"authsome/tests/internal/acme"
	"authsome/tests/internal/process"
)

// midway starts a process that refreshes, and returns when the server has its request and does not answer.
func midway(t *testing.T, h *process.Home, p *acme.Provider, fault authserver.Fault) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	p.Inject(fault)
	cmd := h.Command(t.Context(), "get", "acme", "--refresh", "--field", "access_token", "--show-secret")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for p.TokenRequests("refresh_token") == 0 {
		if t.Context().Err() != nil {
			t.Fatal("the process has sent no refresh request")
		}
		time.Sleep(time.Millisecond)
	}
	return cmd, &stderr
}

func connected(t *testing.T, cfg authserver.Config) (*process.Home, *acme.Provider) {
	t.Helper()
	h, p := process.NewHome(t), acme.Start(t, cfg, nil)
	p.Register(t, h)
	p.Login(t, h)
	return h, p
}

// A process that waited for the lock's time to run out would fail: that is 40 seconds and more, and then an error.
func TestLockOfAKilledProcessIsFree(t *testing.T) {
	t.Parallel()
	h, p := connected(t, strict())
	cmd, _ := midway(t, h, p, authserver.Hang()) // not processed: the token is good still
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	r := h.Try(t, "get", "acme", "--field", "access_token", "--show-secret")
	if r.Code != 0 || r.Stderr != "" || !p.AccessTokenValid(strings.TrimSpace(r.Stdout)) {
		t.Errorf("the next process\n%s", r)
	}
	if calls := p.TokenRequests("refresh_token"); calls != 2 {
		t.Errorf("%d refresh requests, want that of the killed process and one more", calls)
	}
}

// A person presses Ctrl-C while the server has rotated the token and not answered. The program sees it through.
func TestInterruptedProcessStoresTheRotatedToken(t *testing.T) {
	t.Parallel()
	h, p := connected(t, strict())
	cmd, stderr := midway(t, h, p, authserver.HangAfter())
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Skip("processes cannot be interrupted here:", err)
	}
	time.Sleep(100 * time.Millisecond) // long enough to be heard; the promise holds if it is not
	p.Release()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 8 && code != 0 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	token := h.Must(t, "get", "acme", "--field", "access_token", "--show-secret")
	if calls := p.TokenRequests("refresh_token"); calls != 1 || !p.AccessTokenValid(token) {
		t.Errorf("%d refresh requests, want 1; the stored token is good: %t", calls, p.AccessTokenValid(token))
	}
	// The login goes on.
	if r := h.Try(t, "get", "acme", "--refresh", "--field", "status"); r.Code != 0 || r.Stdout != "connected\n" {
		t.Errorf("the next refresh\n%s", r)
	}
}
