package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authsome"
	"authsome/internal/audit"
)

func TestReadLast(t *testing.T) {
	t.Parallel()
	log, path := newLog(t)
	const total = 700 // more than a block of lines
	for i := range total {
		record(t, log, authsome.Event{Name: authsome.EventName(fmt.Sprint(i)), Reason: strings.Repeat("x", 300)})
		if i%100 == 0 {
			appendTo(t, path, "\n\n")
		}
	}
	for _, last := range []int{0, 1, 2, 50, total - 1, total, total + 1} {
		entries, bad := read(t, path, last)
		want := min(last, total)
		if last == 0 {
			want = total
		}
		if len(entries) != want || len(bad) > 0 {
			t.Fatalf("last %d: %d entries, %v", last, len(entries), bad)
		}
		for i, e := range entries {
			if want := fmt.Sprint(total - want + i); string(e.Event) != want {
				t.Fatalf("last %d: entry %d is %s, want %s", last, i, e.Event, want)
			}
		}
	}
}

func TestReadStopsWhenToldTo(t *testing.T) {
	t.Parallel()
	log, path := newLog(t)
	for range 3 {
		record(t, log, authsome.Event{Name: "x"})
	}
	n := 0
	for range audit.Read(path, audit.ReadOptions{}) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("yielded %d times", n)
	}
}

func TestReadWithoutLog(t *testing.T) {
	t.Parallel()
	entries, bad := read(t, filepath.Join(t.TempDir(), "none"), 5)
	if len(entries)+len(bad) > 0 {
		t.Errorf("got %v, %v", entries, bad)
	}
}

func TestReadPassesOverWhatIsNoEntry(t *testing.T) {
	t.Parallel()
	const good = `{"timestamp":"2026-11-23T20:30:00Z","event":"login","provider":"p","connection":"c","profile":"d","status":"success"}`
	for name, line := range map[string]string{
		"not JSON":      "hello",
		"not an object": "[1]",
		"no event":      strings.Replace(good, `"event"`, `"ev"`, 1),
		"bad time":      strings.Replace(good, "2026-11-23T", "yesterday ", 1),
		"wrong type":    strings.Replace(good, `"success"`, "1", 1),
		"too long":      `{"a":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		path := filepath.Join(t.TempDir(), "audit.log")
		if err := os.WriteFile(path, []byte(good+"\n"+line+"\n"+good+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		entries, bad := read(t, path, 0)
		if len(entries) != 2 || len(bad) != 1 {
			t.Errorf("%s: %d entries, %v", name, len(entries), bad)
			continue
		}
		if got := lineOffset(t, bad[0]); got != int64(len(good)+1) {
			t.Errorf("%s: reported at %d", name, got)
		}
	}
}

func TestEntryKeepsFieldsItDoesNotKnow(t *testing.T) {
	t.Parallel()
	const line = `{"timestamp":"2026-11-23T20:30:00.000Z","event":"login","provider":"p","connection":"c","profile":"d",` +
		`"status":"failure","reason":"r","attempt":3,"nested":{"a":["\u009b"]}}`
	var e audit.Entry
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(line, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestColumnsCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	e := audit.Entry{
		Time: time.Unix(0, 0), Event: "a\x1b[31m", Status: "failure", Reason: "x\r\ny",
		Ref:     authsome.Ref{Provider: "p\u009b", Connection: "\u202e", Profile: "\x00"},
		Details: []audit.Detail{{Name: "n\t", Value: json.RawMessage(`"v\u001b"`)}, {Name: "m", Value: json.RawMessage("7")}},
	}
	want := []string{
		"1970-01-01T00:00:00Z", `a\u001b[31m`, `p\u009b`, `\u202e`, `\u0000`, "failure", `x\u000d\u000ay n\u0009=v\u001b m=7`,
	}
	if diff := cmp.Diff(want, e.Columns()); diff != "" {
		t.Error(diff)
	}
	if len(audit.Header()) != len(want) {
		t.Error("header and columns differ in number")
	}
}

// FuzzEntry: any line that can be read is written again as one valid, printable line that reads the same.
func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"timestamp":"2026-11-23T20:30:00.000Z","event":"e","provider":"p","connection":"c","profile":"d","status":"failure","reason":"r","x":{"y":1}}`))
	f.Add([]byte(`{"timestamp":"2026-11-23T20:30:00Z","event":"","provider":"","connection":"","profile":"d","status":"success","": "\u202e"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var first, second audit.Entry
		if json.Unmarshal(line, &first) != nil {
			return
		}
		once, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if audit.Printable(string(once)) != string(once) {
			t.Fatalf("not printable: %q", once)
		}
		if err := json.Unmarshal(once, &second); err != nil {
			t.Fatalf("%v in %s", err, once)
		}
		if twice, _ := json.Marshal(second); string(twice) != string(once) {
			t.Fatalf("%s\n%s", once, twice)
		}
	})
}

// FuzzRecord: whatever is recorded comes back as one entry.
func FuzzRecord(f *testing.F) {
	f.Add("login", "github", "invalid_grant", "host", "api.github.com")
	f.Add("\n", "\"", "\x1b", "status", "\xff")
	f.Fuzz(func(t *testing.T, event, provider, reason, name, value string) {
		log, path := newLog(t)
		record(t, log, authsome.Event{
			Name: authsome.EventName(event), Ref: authsome.Ref{Provider: authsome.ProviderName(provider)},
			Failed: true, Reason: reason, Detail: map[string]string{name: value},
		})
		entries, bad := read(t, path, 0)
		if len(entries) != 1 || len(bad) != 0 || len(entries[0].Details) != 1 {
			t.Fatalf("%+v, %v", entries, bad)
		}
	})
}

// lineOffset returns where an unreadable line begins.
func lineOffset(t *testing.T, err error) int64 {
	t.Helper()
	e, ok := errors.AsType[*audit.LineError](err)
	if !ok {
		t.Fatalf("got %v, want a line error", err)
	}
	return e.Offset
}
