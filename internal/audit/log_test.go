package audit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authsome"
	"authsome/internal/audit"
)

var ref = authsome.Ref{Profile: "default", Provider: "github", Connection: "work"}

// envWriter makes a run of the test binary a process that appends to a log.
const envWriter = "TEST_AUDIT_WRITER"

func TestMain(m *testing.M) {
	path := os.Getenv(envWriter)
	if path == "" {
		os.Exit(m.Run())
	}
	log := audit.Open(path)
	for i := range 200 {
		err := log.Record(authsome.Event{
			Name: authsome.EventInject, Ref: ref,
			Detail: map[string]string{"pid": fmt.Sprint(os.Getpid()), "n": fmt.Sprint(i), "path": strings.Repeat("x", i*5)},
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func newLog(t *testing.T) (*audit.Log, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "home", "audit.log")
	log := audit.Open(path)
	log.Now = func() time.Time { return time.Date(2026, 11, 23, 21, 30, 0, 5e6, time.FixedZone("", 3600)) }
	return log, path
}

func record(t *testing.T, r authsome.Recorder, e authsome.Event) {
	t.Helper()
	if err := r.Record(e); err != nil {
		t.Fatal(err)
	}
}

// read returns the entries and the unreadable lines.
func read(t *testing.T, path string, last int) (entries []audit.Entry, bad []error) {
	t.Helper()
	for e, err := range audit.Read(path, audit.ReadOptions{Last: last}) {
		if err != nil {
			bad = append(bad, err)
		} else {
			entries = append(entries, e)
		}
	}
	return entries, bad
}

func TestEntryHasTheFieldsOfTheContract(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		event authsome.Event
		want  string
	}{
		{
			"success",
			authsome.Event{Name: authsome.EventLogin, Ref: ref},
			`{"timestamp":"2026-11-23T20:30:00.005Z","event":"login","provider":"github","connection":"work",` +
				`"profile":"default","status":"success"}`,
		},
		{
			"failure with its own time",
			authsome.Event{
				Time: time.Unix(0, 0), Name: authsome.EventRefresh, Ref: ref, Failed: true, Reason: "invalid_grant",
			},
			`{"timestamp":"1970-01-01T00:00:00.000Z","event":"refresh","provider":"github","connection":"work",` +
				`"profile":"default","status":"failure","reason":"invalid_grant"}`,
		},
		{
			"details never hide a field of the entry",
			authsome.Event{
				Name:   authsome.EventInject,
				Detail: map[string]string{"status": "200", "host": "api.github.com", "event": "x", "detail_event": "y"},
			},
			`{"timestamp":"2026-11-23T20:30:00.005Z","event":"inject","provider":"","connection":"",` +
				`"profile":"default","status":"success","detail_event":"y","detail_detail_event":"x",` +
				`"host":"api.github.com","detail_status":"200"}`,
		},
		{
			"control characters are escaped",
			authsome.Event{Name: "x", Detail: map[string]string{"p": "a\n\x1b[2J\u009b\u202e\"\\é\U000e0001\xff"}},
			`{"timestamp":"2026-11-23T20:30:00.005Z","event":"x","provider":"","connection":"","profile":"default",` +
				`"status":"success","p":"a\u000a\u001b[2J\u009b\u202e\"\\é\udb40\udc01` + "\ufffd" + `"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log, path := newLog(t)
			record(t, log, tt.event)
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			bare := regexp.MustCompile(`,"seq":1,"chain":"\.[\w-]{43}"}\n$`).ReplaceAllString(string(got), "}\n")
			if diff := cmp.Diff(tt.want+"\n", bare); diff != "" {
				t.Error(diff)
			}
			if !json.Valid(got) {
				t.Errorf("not JSON: %s", got)
			}
		})
	}
}

func TestLogIsPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("file modes")
	}
	log, path := newLog(t)
	record(t, log, authsome.Event{Name: "x"})
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", p, got, want)
		}
	}
}

func TestLongValuesAreCut(t *testing.T) {
	t.Parallel()
	log, path := newLog(t)
	details := map[string]string{strings.Repeat("n", 1000): "v"}
	for i := range 100 {
		details[fmt.Sprintf("a%03d", i)] = strings.Repeat("é", 10_000)
	}
	record(t, log, authsome.Event{Name: "x", Detail: details, Failed: true, Reason: strings.Repeat("r", 1<<20)})
	entries, bad := read(t, path, 0)
	if len(entries) != 1 || len(bad) != 0 {
		t.Fatalf("got %d entries, %v", len(entries), bad)
	}
	if got := len(entries[0].Reason); got != 1024+len("…") {
		t.Errorf("reason has %d bytes", got)
	}
	if got, want := entries[0].Details[0].Text(), strings.Repeat("é", 512)+"…"; got != want {
		t.Errorf("detail is %q", got)
	}
	if got := len(entries[0].Details); got != 32 {
		t.Errorf("%d details", got)
	}
}

func TestTornLineCostsOnlyItself(t *testing.T) {
	t.Parallel()
	log, path := newLog(t)
	record(t, log, authsome.Event{Name: "first"})
	appendTo(t, path, `{"timestamp":"2026-11-2`)
	record(t, log, authsome.Event{Name: "second"})
	appendTo(t, path, `{"torn again`)

	entries, bad := read(t, path, 0)
	if len(entries) != 2 || entries[0].Event != "first" || entries[1].Event != "second" {
		t.Errorf("got %+v", entries)
	}
	if len(bad) != 2 {
		t.Fatalf("reported %v", bad)
	}
	first, _ := os.ReadFile(path)
	if want := int64(strings.IndexByte(string(first), '\n') + 1); lineOffset(t, bad[0]) != want {
		t.Errorf("first bad line reported at %v, want %d", bad[0], want)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestProcessesDoNotInterleave(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	const processes = 6
	done := make(chan error, processes)
	for range processes {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envWriter+"="+path)
		cmd.Stderr = os.Stderr
		go func() { done <- cmd.Run() }()
	}
	for range processes {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	entries, bad := read(t, path, 0)
	if len(bad) > 0 || len(entries) != processes*200 {
		t.Fatalf("%d entries, unreadable: %v", len(entries), bad)
	}
	next := map[string]int{} // each process' own entries stay in order
	for _, e := range entries {
		pid, n := e.Details[2].Text(), e.Details[0].Text()
		if n != fmt.Sprint(next[pid]) {
			t.Fatalf("process %s: entry %s where %d belongs", pid, n, next[pid])
		}
		next[pid]++
	}
}

func TestUnwritableLogIsReported(t *testing.T) {
	t.Parallel()
	path := t.TempDir() // a directory cannot be appended to, not even by root
	log := audit.Open(path)
	if err := log.Record(authsome.Event{Name: "x"}); err == nil || !strings.Contains(err.Error(), "audit log") {
		t.Errorf("Record: %v", err)
	}
	if err := log.Check(); err == nil {
		t.Error("Check found nothing wrong")
	}
	good, _ := newLog(t)
	if err := good.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func BenchmarkRecord(b *testing.B) {
	log := audit.Open(filepath.Join(b.TempDir(), "audit.log"))
	e := authsome.Event{Name: authsome.EventReveal, Ref: ref, Detail: map[string]string{"field": "access_token"}}
	b.ReportAllocs()
	for b.Loop() {
		if err := log.Record(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBufferRecord(b *testing.B) {
	buf := audit.Open(filepath.Join(b.TempDir(), "audit.log")).Buffered()
	e := authsome.Event{Name: authsome.EventInject, Ref: ref, Detail: map[string]string{
		"host": "api.github.com", "method": "GET", "path": "/user/repos", "http_status": "200",
	}}
	b.ReportAllocs()
	for b.Loop() {
		if err := buf.Record(e); err != nil {
			b.Fatal(err)
		}
	}
	if err := buf.Close(); err != nil {
		b.Fatal(err)
	}
}
