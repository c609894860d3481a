package crash_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"authsome/internal/legacy/legacytest"
	"authsome/tests/internal/process"
)

// imported are the connections that a home of authsome 0.2 holds.
var imported = []string{"one", "two", "three", "four", "five", "six"}

// oldKey is a key that the home of that number holds.
func oldKey(home int, connection string) string {
	return fmt.Sprintf("sk-crash-test-home-%d-%s-0123456789", home, connection)
}

// writeOldHomes makes what is imported: two homes whose connections have the same names and different keys.
func (w *worker) writeOldHomes() {
	for i := range w.old {
		w.old[i] = filepath.Join(w.t.TempDir(), "old")
		h := legacytest.Home{Key: [32]byte{byte(i)}, Records: make(map[string]legacytest.Record)}
		for _, name := range imported {
			h.Records[legacytest.ConnectionKey("default", "groq", name)] = legacytest.APIKey(
				"default", "groq", name, oldKey(i, name), time.Now())
		}
		if err := h.Write(w.old[i]); err != nil {
			w.t.Fatal(err)
		}
	}
}

// takeIn imports one of the old homes over what is there. A process that dies leaves each connection as it was, or as it
// is in the old home.
func (w *worker) takeIn() deed {
	i := w.random.IntN(len(w.old))
	before := w.taken // what the connections hold
	return deed{name: "import", args: []string{"import", "--from", w.old[i], "--force"}, after: func(r process.Result) {
		now := w.groqKeys()
		for _, name := range imported {
			if got := now[name]; got != oldKey(i, name) && (got != before[name] || r.Code == 0) {
				w.fail("%s holds %q after an import from home %d, and held %q\n%s", name, got, i, before[name], r)
			}
		}
		w.taken = now
	}}
}

// groqKeys returns the keys of what was imported.
func (w *worker) groqKeys() map[string]string {
	r := w.home.Try(w.t, "list", "--json")
	if r.Code != 0 {
		w.fail("the connections cannot be listed\n%s", r)
	}
	keys := make(map[string]string)
	if !strings.Contains(r.Stdout, `"`+imported[0]+`"`) {
		return keys
	}
	for _, name := range imported {
		got := w.home.Try(w.t, "get", "groq", "--connection", name, "--field", "api_key", "--show-secret")
		if got.Code != 0 && got.Code != 5 {
			w.fail("%s cannot be read\n%s", name, got)
		}
		keys[name] = strings.TrimSpace(got.Stdout)
	}
	return keys
}

// reveal reads every key there is, and writes that down. A process that comes to its end has written one entry for each.
func (w *worker) reveal() deed {
	return deed{name: "audit", args: []string{"export", "--format", "json"}, after: func(r process.Result) {
		report := w.verifyLog()
		if r.Code == 0 && report.Entries <= w.entries {
			w.fail("an export has left no entry: there are %d", report.Entries)
		}
		w.entries = report.Entries
	}}
}

// logReport is what "log verify" prints.
type logReport struct {
	OK       bool
	Entries  int
	Problems []json.RawMessage
}

// verifyLog fails when an entry is missing or changed, also one that was there at the last look.
func (w *worker) verifyLog() logReport {
	args := []string{"log", "verify", "--json"}
	if w.head != "" {
		args = append(args, "--head", w.head)
	}
	r := w.home.Try(w.t, args...)
	var report logReport
	if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil || r.Code != 0 || !report.OK || report.Entries < w.entries {
		w.fail("the audit log, which had %d entries: %v\n%s", w.entries, err, r)
	}
	return report
}

// verifyHome looks at the vault and the log as a whole, and remembers how far the log has got.
func (w *worker) verifyHome() {
	if r := w.home.Try(w.t, "doctor", "--json"); r.Code != 0 {
		w.fail("the doctor has found something\n%s", r)
	}
	w.entries = w.verifyLog().Entries
	if w.head == "" {
		w.head = filepath.Join(w.t.TempDir(), "head")
	}
	if err := os.WriteFile(w.head, []byte(w.home.Must(w.t, "log", "head")+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}
