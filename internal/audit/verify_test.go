package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"authsome"
	"authsome/internal/audit"
)

func keyedLog(t *testing.T) (*audit.Log, string) {
	t.Helper()
	log, path := newLog(t)
	log.Key = func() (authsome.Secret, error) { return authsome.NewSecret(strings.Repeat("k", audit.KeySize)), nil }
	return log, path
}

func fill(t *testing.T, r authsome.Recorder, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		record(t, r, authsome.Event{Name: authsome.EventName(fmt.Sprint("event-", i)), Ref: ref})
	}
}

func verify(t *testing.T, log *audit.Log, heads ...audit.Head) *audit.Report {
	t.Helper()
	r, err := log.Verify(heads...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every way to tamper with a log is found, and the finding says where.
func TestVerifyFindsWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	line := func(lines [][]byte, n int) []byte { return lines[n-1] }
	for name, tt := range map[string]struct {
		tamper func(lines [][]byte) [][]byte
		want   string
	}{
		"edited": {func(l [][]byte) [][]byte {
			l[4] = bytes.Replace(l[4], []byte("event-5"), []byte("event-X"), 1)
			return l
		}, "line 5 (entry 5): this entry, or what stands"},
		"removed":   {func(l [][]byte) [][]byte { return slices.Delete(l, 4, 5) }, "line 5 (entry 6): entry 5 is missing"},
		"truncated": {func(l [][]byte) [][]byte { return l[:8] }, "entries 9 to 10 are missing from the end"},
		"all gone":  {func([][]byte) [][]byte { return nil }, "entries 1 to 10 are missing from the end"},
		"beginning": {func(l [][]byte) [][]byte { return l[2:] }, "line 1 (entry 3): entries 1 to 2 are missing"},
		"reordered": {func(l [][]byte) [][]byte { l[3], l[4] = l[4], l[3]; return l }, "entry 4 stands behind entry 5"},
		"repeated":  {func(l [][]byte) [][]byte { return slices.Insert(l, 5, line(l, 5)) }, "entry 5 stands behind entry 5"},
		"inserted": {func(l [][]byte) [][]byte {
			return slices.Insert(l, 5, []byte(`{"timestamp":"2026-01-01T00:00:00Z","event":"x","provider":"","connection":"","profile":"","status":"success"}`+"\n"))
		}, "line 6: this entry was not written by authsome"},
		"renumbered": {func(l [][]byte) [][]byte {
			l[9] = bytes.Replace(l[9], []byte(`"seq":10`), []byte(`"seq":11`), 1)
			return l
		}, "entry 10 is missing"},
		"a space": {func(l [][]byte) [][]byte { l[2] = bytes.Replace(l[2], []byte(`,`), []byte(`, `), 1); return l }, "entry 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, path := keyedLog(t)
			fill(t, log, 1, 10)
			if r := verify(t, log); !r.OK() || r.Entries != 10 || len(r.Notes) != 0 {
				t.Fatalf("an untouched log: %+v", r)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines := tt.tamper(slices.Collect(bytes.Lines(b)))
			if err := os.WriteFile(path, slices.Concat(lines...), 0o600); err != nil {
				t.Fatal(err)
			}
			wantProblem(t, verify(t, log), tt.want)
			fill(t, log, 11, 12) // what is written later does not cover it up
			wantProblem(t, verify(t, log), strings.Replace(tt.want, "from the end", "before", 1))
		})
	}
}

func wantProblem(t *testing.T, r *audit.Report, want string) {
	t.Helper()
	for _, p := range r.Problems {
		if strings.Contains(p.String(), want) {
			return
		}
	}
	t.Errorf("no problem %q in %v", want, r.Problems)
}

// Somebody without the key cannot write an entry that passes for one, nor a head.
func TestVerifyRefusesWhatIsWrittenWithoutTheKey(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	fill(t, log, 1, 3)
	other := audit.Open(path)
	other.Key = func() (authsome.Secret, error) { return authsome.NewSecret(strings.Repeat("x", audit.KeySize)), nil }
	fill(t, other, 4, 4)
	wantProblem(t, verify(t, log), "(entry 4): this entry")
	wantProblem(t, verify(t, log), "the head was not written by authsome")
}

// While the key cannot be had entries are written all the same, and the report says so.
func TestEntriesWithoutKeyAreNoted(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	fill(t, log, 1, 2)
	locked := audit.Open(path)
	locked.Key = func() (authsome.Secret, error) { return authsome.Secret{}, errors.New("locked") }
	fill(t, locked, 3, 4)
	r := verify(t, log)
	if !r.OK() || len(r.Notes) != 2 || !strings.Contains(r.Notes[0].What, "2 entries were written while the key") {
		t.Errorf("got %+v", r)
	}
	if _, err := locked.Verify(); err == nil {
		t.Error("a log was verified without its key")
	}
	fill(t, log, 5, 5)
	if r := verify(t, log); !r.OK() || r.Head.Seq != 5 {
		t.Errorf("got %+v", r)
	}
}

// A chain goes on through the files of a log that has grown, and over what an older version or a crash has left.
func TestChainGoesOn(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	log.MaxSize = 1000
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	old := `{"timestamp":"2026-01-01T00:00:00Z","event":"old","provider":"","connection":"","profile":"","status":"success"}` + "\n" + `{"torn`
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, log, 1, 20)
	r := verify(t, log)
	if !r.OK() || r.Entries != 20 {
		t.Errorf("got %+v", r)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "audit-*.log"))
	if err != nil || len(files) < 3 {
		t.Fatalf("files %v, error %v", files, err)
	}
	for last, want := range map[int]int{0: 21, 1: 1, 7: 7, 20: 20, 100: 21} {
		if entries, _ := read(t, path, last); len(entries) != want {
			t.Errorf("last %d: %d entries, want %d", last, len(entries), want)
		}
	}
	first, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], bytes.Replace(first, []byte(`"old"`), []byte(`"new"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, verify(t, log), "line 3 (entry 1): this entry, or what stands between")
	if err := os.WriteFile(files[0], first, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files[1]); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, verify(t, log), "are missing before this one")
}

// A head that was kept elsewhere shows that log and head were put back together to an older state.
func TestVerifyAgainstAHeadKeptElsewhere(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	fill(t, log, 1, 3)
	dir := filepath.Dir(path)
	snapshot := map[string][]byte{}
	for _, name := range []string{"audit.log", "audit.log.head"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		snapshot[name] = b
	}
	fill(t, log, 4, 6)
	kept := verify(t, log).Head
	b, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err = audit.ParseHead(b); err != nil {
		t.Fatal(err)
	}
	fill(t, log, 7, 8)
	if r := verify(t, log, kept); !r.OK() {
		t.Errorf("got %+v", r)
	}
	for name, b := range snapshot {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r := verify(t, log); !r.OK() {
		t.Errorf("the older state by itself: %+v", r)
	}
	wantProblem(t, verify(t, log, kept), "knows entry 6, which is missing")
	fill(t, log, 4, 6)
	wantProblem(t, verify(t, log, audit.Head{Seq: 5, Chain: "other"}), "knows another entry 5")
}
