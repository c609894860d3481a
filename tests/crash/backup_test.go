package crash_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"authsome/tests/internal/process"
)

// restoreEvery is how many new backups there are to one that is restored, which takes as long as ten other deeds.
const restoreEvery = 10

// vaultOfBackups is what a worker knows of its backups.
type vaultOfBackups struct {
	dir       string
	recipient string // an SSH public key
	identity  string // the file with the private one
	content   []byte // of the last whole one; nil if there is none
	written   int    // how many new ones there were
	restored  int
	torn      int // how many processes have left a temporary file
}

// prepareBackups makes the key that backups are encrypted to: a passphrase would cost a second each.
func (w *worker) prepareBackups() {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &w.backups
	b.dir = w.t.TempDir()
	b.identity = filepath.Join(w.t.TempDir(), "identity")
	recipient, err := ssh.NewPublicKey(public)
	if err != nil {
		w.t.Fatal(err)
	}
	b.recipient = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(recipient)))
	block, err := ssh.MarshalPrivateKey(private, "")
	if err == nil {
		err = os.WriteFile(b.identity, pem.EncodeToMemory(block), 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestCrashBackups kills processes that write a backup, half of them while they write it, and a few others in between that change
// what is to be written.
func TestCrashBackups(t *testing.T) {
	t.Parallel()
	rounds := number(t, envKills, 150) / 3
	seed := number(t, envSeed, mathrand.Uint64N(1<<32))
	t.Logf("%s=%d", envSeed, seed)
	w := newWorker(t, mathrand.New(mathrand.NewPCG(seed, workers+1)))
	for n := range rounds {
		if w.random.IntN(8) == 0 {
			w.kill(w.store())
		} else {
			w.kill(w.backup())
		}
		if n%verifyEvery == verifyEvery-1 {
			w.verify()
		}
	}
	if rounds > 20 && w.backups.torn == 0 {
		t.Error("no process died while it was writing a backup: this has tested nothing")
	}
	w.finish()
}

func (b *vaultOfBackups) path() string { return filepath.Join(b.dir, "home.age") }

// backup writes everything into a file, half of the time over one that is there. A process that dies leaves what was there
// before or a whole new one under that name, and beside it nothing that can be read.
func (w *worker) backup() deed {
	b := &w.backups
	if w.random.IntN(2) == 0 && b.content != nil {
		if err := os.Remove(b.path()); err != nil {
			w.fail("%v", err)
		}
		b.content = nil
	}
	args := []string{"backup", b.path(), "--recipient", b.recipient}
	return deed{name: "backup", args: args, begun: b.changes(w), after: func(r process.Result) {
		now, err := os.ReadFile(b.path())
		switch {
		case os.IsNotExist(err) && b.content == nil && r.Code != 0:
		case err != nil:
			w.fail("the backup is gone: %v\n%s", err, r)
		case bytes.Equal(now, b.content):
			if r.Code == 0 {
				w.fail("the backup is the one that was there before\n%s", r)
			}
		default:
			w.readBackup(r)
			b.content = now
		}
		w.sweepBackups(r)
	}}
}

// changes returns what reports whether anything in the directory is another than now.
func (b *vaultOfBackups) changes(w *worker) func() bool {
	look := func() string {
		entries, err := os.ReadDir(b.dir)
		if err != nil {
			w.fail("%v", err)
		}
		var seen strings.Builder
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil {
				return "" // it has gone meanwhile
			}
			fmt.Fprintln(&seen, entry.Name(), info.Size(), info.ModTime())
		}
		return seen.String()
	}
	before := look()
	return func() bool { return look() != before }
}

// readBackup reads a new backup to its end, and some it puts into a second home, as if that were another machine.
func (w *worker) readBackup(made process.Result) {
	b := &w.backups
	b.written++
	r := w.home.Try(w.t, "backup", "verify", b.path(), "--identity", b.identity, "--json")
	var found struct {
		Status  string
		Records int
	}
	if err := json.Unmarshal([]byte(r.Stdout), &found); err != nil || r.Code != 0 || found.Status != "whole" || found.Records == 0 {
		w.fail("the backup is not whole: %v\n%s\nit was made by\n%s", err, r, made)
	}
	if b.written%restoreEvery == 1 {
		w.restore()
		b.restored++
	}
}

// restore compares a home made of the backup with the one that the backup was made of. It does not use the login to acme:
// that lives in one home.
func (w *worker) restore() {
	dir, err := os.MkdirTemp(w.backups.dir, "other-")
	if err != nil {
		w.fail("%v", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	here := w.home
	w.home = &process.Home{Dir: filepath.Join(dir, "home")}
	defer func() { w.home = here }()
	for _, args := range [][]string{
		{"restore", w.backups.path(), "--identity", w.backups.identity}, {"doctor"}, {"log", "verify"},
	} {
		if r := w.home.Try(w.t, args...); r.Code != 0 {
			w.fail("%s in the second home\n%s", args[0], r)
		}
	}
	if got := w.storedKey(); got != w.key {
		w.fail("in the second home the key of openai is %q, not %q", got, w.key)
	}
	got := w.groqKeys()
	for _, name := range imported {
		if got[name] != w.taken[name] {
			w.fail("in the second home %s holds %q, not %q", name, got[name], w.taken[name])
		}
	}
	if names := w.names(); len(names) != 1 || names[0] != w.name {
		w.fail("in the second home the connections to acme are %q, not %q", names, w.name)
	}
}

// sweepBackups looks at what a process has left beside the backup, and removes it, as a person would.
func (w *worker) sweepBackups(r process.Result) {
	b := &w.backups
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		w.fail("%v", err)
	}
	for _, entry := range entries {
		if entry.Name() == filepath.Base(b.path()) {
			continue
		}
		if r.Code == 0 {
			w.fail("a backup that was finished has left %s\n%s", entry.Name(), r)
		}
		path := filepath.Join(b.dir, entry.Name())
		info, err := entry.Info()
		var content []byte
		if err == nil {
			content, err = os.ReadFile(path)
		}
		if err != nil {
			w.fail("%v", err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			w.fail("%s was left with mode %v\n%s", entry.Name(), info.Mode(), r)
		}
		if len(content) > 0 && !bytes.HasPrefix(content, []byte("age-encryption.org/v1\n")) || w.readable(content) {
			w.fail("%s was left, and is not encrypted\n%s", entry.Name(), r)
		}
		b.torn++
		if err := os.Remove(path); err != nil {
			w.fail("%v", err)
		}
	}
}

// readable reports whether something of what the home holds can be read in what was left.
func (w *worker) readable(content []byte) bool {
	for _, text := range []string{"acme", "openai", "groq", "sk-crash-test", "audit.log"} {
		if bytes.Contains(content, []byte(text)) {
			return true
		}
	}
	return false
}
