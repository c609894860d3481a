package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"authsome"
	"authsome/internal/audit"
)

// files are the log and its head, as they were at one moment; nil: there is none.
type files struct{ log, head []byte }

func take(t *testing.T, path string) files {
	t.Helper()
	log, err := os.ReadFile(path)
	head, headErr := os.ReadFile(audit.HeadPath(path))
	if err := errors.Join(err, headErr); err != nil {
		t.Fatal(err)
	}
	return files{log, head}
}

func (f files) put(t *testing.T, path string) {
	t.Helper()
	for name, content := range map[string][]byte{path: f.log, audit.HeadPath(path): f.head} {
		err := os.Remove(name)
		if content != nil {
			err = os.WriteFile(name, content, 0o600)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// lines returns the first n lines of the log.
func (f files) lines(n int) []byte { return bytes.Join(bytes.SplitAfter(f.log, []byte("\n"))[:n], nil) }

// headOf is what somebody makes of a head who cannot sign: of the entry in line n.
func (f files) headOf(t *testing.T, n int, signature string) []byte {
	t.Helper()
	var h audit.Head
	if err := json.Unmarshal(bytes.Split(f.log, []byte("\n"))[n-1], &h); err != nil {
		t.Fatal(err)
	}
	h.Signature = signature
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What the next entry brings, a head that is signed, does not cover up that the one before was none.
func TestALostHeadStaysOnRecord(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(all files) []byte{
		"gone":         func(files) []byte { return nil },
		"empty":        func(files) []byte { return []byte{} },
		"not a head":   func(files) []byte { return []byte("x") },
		"not signed":   func(all files) []byte { return all.headOf(t, 6, "") },
		"wrong signed": func(all files) []byte { return all.headOf(t, 6, "c2lnbmVk") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, path := keyedLog(t)
			fill(t, log, 1, 8)
			all := take(t, path)
			files{all.lines(6), forge(all)}.put(t, path)
			again := audit.Open(path) // another process
			again.Key = log.Key
			fill(t, again, 9, 12)
			wantProblem(t, verify(t, log), "line 7 (entry 7): when this was written there was no head")
			if r := verify(t, log); len(r.Problems) != 1 {
				t.Errorf("one problem is found as %v", r.Problems)
			}
		})
	}
}

// A writer that was killed between its first entry and the head has lost nothing.
func TestALogThatBeginsHasAHead(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	fill(t, log, 1, 1)
	first := take(t, path)
	files{nil, nil}.put(t, path)
	if err := os.Mkdir(path+".head", 0o700); err != nil { // so that no entry is written before it
		t.Fatal(err)
	}
	if err := log.Record(authsome.Event{Name: "x"}); err == nil {
		t.Fatal("an entry was written without a head")
	}
	if b, err := os.ReadFile(path); err != nil || len(b) > 0 {
		t.Errorf("the log holds %q, error %v", b, err)
	}
	if err := os.Remove(path + ".head"); err != nil {
		t.Fatal(err)
	}
	fill(t, log, 1, 1)
	if got := take(t, path); len(got.log) != len(first.log) {
		t.Errorf("the log begins with %q, and without its head with %q", first.log, got.log)
	}
	if r := verify(t, log); !r.OK() || r.Entries != 1 || len(r.Notes) > 0 {
		t.Errorf("got %+v", r)
	}
}

// Log and head that were put back or deleted together fit each other. What the machine has seen tells, before the next entry
// and behind it.
func TestTheWitnessTellsWhatFits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		forge        func(then, now files) files
		before, then string
	}{
		"put back":   {func(then, _ files) files { return then }, "entries 6 to 9 are missing from the end of the log: it had", "entries 6 to 9 are missing before"},
		"deleted":    {func(files, files) files { return files{} }, "entries 1 to 9 are missing from the end of the log: it had", "entries 1 to 9 are missing before"},
		"head alone": {func(then, now files) files { return files{now.log, then.head} }, "", ""},
		"cut, without a key": {
			func(_, now files) files { return files{now.lines(7), now.headOf(t, 7, "")} },
			"entries 8 to 9 are missing from the end of the log: it had", "entries 8 to 9 are missing before",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, path := keyedLog(t)
			log.Witness = filepath.Join(t.TempDir(), "state", "witness")
			fill(t, log, 1, 5)
			then := take(t, path)
			fill(t, log, 6, 9)
			if r := verify(t, log); !r.OK() || len(r.Notes) > 0 {
				t.Fatalf("an untouched log: %+v", r)
			}
			tt.forge(then, take(t, path)).put(t, path)
			if r := verify(t, log); tt.before == "" && !r.OK() {
				t.Errorf("got %v", r.Problems)
			} else if tt.before != "" {
				wantProblem(t, r, tt.before)
			}
			fill(t, log, 10, 11)
			if r := verify(t, log); tt.then == "" && !r.OK() {
				t.Errorf("got %v", r.Problems)
			} else if tt.then != "" {
				wantProblem(t, r, tt.then)
			}
		})
	}
}

// A witness that is not this log's, or older, says nothing; neither does that of a log which was exchanged on purpose.
func TestAWitnessOfSomethingElseSaysNothing(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	log.Witness = filepath.Join(t.TempDir(), "witness")
	fill(t, log, 1, 5)
	then, ours := take(t, path), log.Witness
	fill(t, log, 6, 9)
	later, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"older": then.head, "none": {}, "damaged": []byte("{"), "forged": bytes.Replace(later, []byte(`"seq":9`), []byte(`"seq":99`), 1),
	} {
		if err := os.WriteFile(ours, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, log); !r.OK() || len(r.Notes) > 0 {
			t.Errorf("%s: got %+v", name, r)
		}
	}
	if err := os.WriteFile(ours, later, 0o600); err != nil {
		t.Fatal(err)
	}
	then.put(t, path)
	if err := errors.Join(log.Replaced(), log.Replaced()); err != nil {
		t.Fatal(err)
	}
	fill(t, log, 6, 7)
	if r := verify(t, log); !r.OK() || r.Entries != 7 {
		t.Errorf("after a restore: %+v", r)
	}
}
