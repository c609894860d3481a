package local_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/internal/keysource"
	"authsome/local"
	"authsome/vault"
)

// inAFile makes a process use the database in the home.
func inAFile(c *local.Config) { c.Store = nil }

// repair makes a new vault of the one in the home, and gives up after patience.
func (w *world) repair(patience time.Duration) error {
	w.t.Helper()
	keys, err := keysource.Environment(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	_, err = local.Repair(ctx, w.home, keys, time.Now())
	return err
}

// Who repairs while a refresh is under way would put a vault in place whose refresh token is used up.
func TestRepairWaitsForARefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process(inAFile)
	w.login(l)
	w.pass(2 * time.Hour)
	var meanwhile error
	w.beforeTokenCalls(func() { meanwhile = w.repair(300 * time.Millisecond) })
	w.mustToken(l)
	w.beforeTokenCalls(nil)
	if authsome.KindOf(meanwhile) != authsome.KindVaultUnavailable || !strings.Contains(meanwhile.Error(), "another process") {
		t.Errorf("during a refresh: %v", meanwhile)
	}
	entries, err := os.ReadDir(w.home)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), "damaged") || strings.Contains(e.Name(), "repair") {
			t.Errorf("the repair that was refused left %s behind", e.Name())
		}
	}
	if err := w.repair(time.Minute); err != nil {
		if runtime.GOOS == "windows" {
			t.Skipf("a file that is open cannot be moved here: %v", err)
		}
		t.Fatal(err)
	}
	if c := w.mustToken(w.process(inAFile), authsome.CredentialOptions{Refresh: true}); !w.server.AccessTokenValid(c.Value.Reveal()) {
		t.Error("the token is not good")
	}
}

// A person who thinks about a passphrase keeps nobody from using a login.
func TestRepairAsksBeforeItLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process(inAFile)
	w.login(l)
	w.pass(2 * time.Hour)
	keys, err := keysource.Environment(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	asked := false
	source := &interrupted{KeySource: keys, do: func(call int) {
		if call > 1 {
			return
		}
		asked = true
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := l.Credential(ctx, acme, authsome.CredentialOptions{}); err != nil {
			t.Errorf("a refresh meanwhile: %v", err)
		}
	}}
	if _, err := local.Repair(t.Context(), w.home, source, time.Now()); err != nil || !asked {
		t.Errorf("asked %t, error %v", asked, err)
	}
	if n := w.refreshCalls(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
	if c := w.mustToken(w.process(inAFile)); !w.server.AccessTokenValid(c.Value.Reveal()) {
		t.Error("what was renewed meanwhile is not in the vault that was made")
	}
}

// A process that was running all the while has the file open that was moved aside. It sends no token that it could not store.
func TestProcessOfBeforeARepairSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process(inAFile)
	w.login(l)
	if err := w.repair(time.Minute); err != nil {
		t.Skipf("a file that is open cannot be moved here: %v", err)
	}
	if _, err := w.token(l, authsome.CredentialOptions{Refresh: true}); authsome.KindOf(err) != authsome.KindVaultUnavailable {
		t.Errorf("got %v", err)
	}
	if n := w.refreshCalls(); n != 0 {
		t.Errorf("%d refresh tokens were sent", n)
	}
}

// Who writes without one of the locks is noticed.
func TestRepairNoticesAWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process(inAFile)
	w.login(l)
	keys, err := keysource.Environment(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	writing := &interrupted{KeySource: keys, do: func(call int) {
		if call == 1 { // before anything is locked or copied
			return
		}
		if _, err := l.Vault().Put(t.Context(), "profile/other", []byte("{}"), 0); err != nil {
			t.Error(err)
		}
	}}
	if _, err := local.Repair(t.Context(), w.home, writing, time.Now()); err == nil || !strings.Contains(err.Error(), "was written to") {
		t.Errorf("got %v", err)
	}
	if _, err := l.Vault().Get(t.Context(), "profile/other"); err != nil {
		t.Error(err)
	}
}

// interrupted is a key source before which something else happens.
type interrupted struct {
	vault.KeySource
	times int
	do    func(call int) // from 1
}

func (i *interrupted) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	i.times++
	i.do(i.times)
	return i.KeySource.Unwrap(ctx, wrapped)
}

// A person pastes it, whatever the name of the home.
func TestTheCommandThatBeginsAnewMovesTheVault(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a shell is needed")
	}
	home := filepath.Join(t.TempDir(), "Ada's $HOME")
	if err := errors.Join(os.Mkdir(home, 0o700), os.WriteFile(filepath.Join(home, local.VaultFile), nil, 0o600),
		os.WriteFile(filepath.Join(home, local.AuditFile), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	move, found := strings.CutSuffix(local.BeginAnew(home), " && authsome doctor --accept-vault")
	if out, err := exec.Command("sh", "-c", move).CombinedOutput(); err != nil || !found {
		t.Fatalf("%s: %v\n%s", local.BeginAnew(home), err, out)
	}
	for _, name := range []string{local.VaultFile, local.AuditFile} {
		if _, err := os.Stat(filepath.Join(home, "damaged", name)); err != nil {
			t.Error(err)
		}
	}
}
