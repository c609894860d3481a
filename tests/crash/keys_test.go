package crash_test

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"authsome/tests/internal/process"
)

// TestCrashKeys kills processes that change the key of the vault, while others refresh. Whenever they die, the vault opens,
// by the old source or by the new one, and holds everything.
func TestCrashKeys(t *testing.T) {
	t.Parallel()
	rounds := number(t, envKills, 150) / 3
	seed := number(t, envSeed, rand.Uint64N(1<<32))
	t.Logf("%s=%d", envSeed, seed)
	w := newWorker(t, rand.New(rand.NewPCG(seed, workers)))
	for n := range rounds {
		switch w.random.IntN(4) {
		case 0:
			w.kill(w.useKey())
		case 1:
			w.kill(w.refresh())
		default:
			w.kill(w.rotateKey())
		}
		if n%verifyEvery == verifyEvery-1 {
			w.verify()
		}
	}
	if rounds > 20 && w.killed["key rotate"]+w.killed["key use"] == 0 {
		t.Error("no process died in a change of the key: this has tested nothing")
	}
	w.finish()
}

// rotateKey seals everything anew. A process that dies leaves all of it under one key.
func (w *worker) rotateKey() deed {
	return deed{name: "key rotate", args: []string{"key", "rotate"}, after: func(r process.Result) {
		if got := w.storedKey(); got != w.key {
			w.fail("after a rotation the key of openai is %q, not %q\n%s", got, w.key, r)
		}
	}}
}

// useKey changes between a key file and a command. A process that dies leaves either; the file may be left over then.
func (w *worker) useKey() deed {
	before := w.keySource()
	args, want := []string{"key", "use", "file"}, "file"
	if before == "file" {
		args, want = []string{"key", "use", "command", "--", "cat", w.printedKey()}, "command"
	}
	return deed{name: "key use", args: args, after: func(r process.Result) {
		got := w.keySource()
		if got != want && (got != before || r.Code == 0) {
			w.fail("the key source is %s after a change from %s to %s\n%s", got, before, want, r)
		}
		_, err := os.Stat(filepath.Join(w.home.Dir, "master.key"))
		if got == "file" && err != nil {
			w.fail("the key file is in use and missing: %v\n%s", err, r)
		}
		if r.Code == 0 && got != "file" && err == nil {
			w.fail("the key file was not removed\n%s", r)
		}
		if stored := w.storedKey(); stored != w.key {
			w.fail("after a change of the key source the key of openai is %q, not %q\n%s", stored, w.key, r)
		}
	}}
}

func (w *worker) keySource() string {
	var status struct {
		Source string `json:"key_source"`
	}
	out := w.home.Must(w.t, "key", "status", "--json")
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		w.fail("key status: %v: %s", err, out)
	}
	return status.Source
}

// printedKey returns the path of what the command prints.
func (w *worker) printedKey() string {
	path := filepath.Join(filepath.Dir(w.home.Dir), "printed.key")
	key := base64.StdEncoding.EncodeToString([]byte("a key of thirty-two bytes, known"))
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		w.fail("%v", err)
	}
	return path
}
