package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authsome"
	"authsome/internal/audit"
)

func theKey() (authsome.Secret, error) {
	return authsome.NewSecret(strings.Repeat("k", audit.KeySize)), nil
}

// telling is an event whose details say more than a thief of the file may know, odd characters included.
func telling() authsome.Event {
	return authsome.Event{
		Name: authsome.EventInject, Ref: ref, Failed: true, Reason: `lookup api.acme.example: "no such host"`,
		Detail: map[string]string{
			"host": "api.acme.example", "path": "/v1/users/jo?\x1b[2J", "status": `","status":"success`, "sealed": "x", "account": "jo@example.com",
		},
	}
}

func readWith(t *testing.T, path string, key func() (authsome.Secret, error)) []audit.Entry {
	t.Helper()
	var entries []audit.Entry
	for e, err := range audit.Read(path, audit.ReadOptions{Key: key}) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// A log at rest tells what was used and when. The rest is for who has the key, to whom it looks as it always did.
func TestDetailsAreSealedAtRestAndOpenForTheOwner(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	plain, plainPath := newLog(t)
	plain.Now, log.Now = time.Now, time.Now
	e := telling()
	e.Time = time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)
	record(t, log, e)
	record(t, plain, e)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"acme.example", "users", "no such host", "jo@", "account", "reason"} {
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("%q is in the file: %s", secret, content)
		}
	}
	for _, public := range []string{`"timestamp":"2026-11-23`, `"event":"inject"`, `"provider":"github"`, `"connection":"work"`, `"status":"failure"`} {
		if !bytes.Contains(content, []byte(public)) {
			t.Errorf("%s is missing in the file: %s", public, content)
		}
	}
	got, want := readWith(t, path, theKey)[0], readWith(t, plainPath, nil)[0]
	want.Chain = got.Chain
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the owner does not read what was recorded (-want +got):\n%s", diff)
	}
	if !verify(t, log).OK() {
		t.Error("the log does not verify")
	}
}

func TestDetailsStaySealedWithoutTheKey(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	record(t, log, telling())
	record(t, log, authsome.Event{Name: "without details", Ref: ref})
	asked := 0
	for name, key := range map[string]func() (authsome.Secret, error){
		"none":  nil,
		"fails": func() (authsome.Secret, error) { asked++; return authsome.Secret{}, errors.New("locked") },
		"other": func() (authsome.Secret, error) {
			return authsome.NewSecret(strings.Repeat("x", audit.KeySize)), nil
		},
	} {
		entries := readWith(t, path, key)
		e := entries[0]
		if e.Sealed == "" || e.Reason != "" || len(e.Details) != 0 || e.Event != authsome.EventInject || entries[1].Sealed != "" {
			t.Errorf("%s: got %+v", name, e)
		}
		if columns := e.Columns(); columns[len(columns)-1] != "(sealed)" {
			t.Errorf("%s: shown as %q", name, columns)
		}
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var again audit.Entry
		if err := json.Unmarshal(line, &again); err != nil || cmp.Diff(e, again) != "" {
			t.Errorf("%s: as JSON it is %s, %v", name, line, err)
		}
	}
	if asked != 1 {
		t.Errorf("the key was asked for %d times", asked)
	}
}

// The seal of an entry does not open in another one.
func TestASealCannotBeMovedToAnotherEntry(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	record(t, log, telling())
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	moved := bytes.Replace(content, []byte(`"provider":"github"`), []byte(`"provider":"openai"`), 1)
	if err := os.WriteFile(path, moved, 0o600); err != nil {
		t.Fatal(err)
	}
	if e := readWith(t, path, theKey)[0]; e.Sealed == "" || e.Reason != "" {
		t.Errorf("got %+v", e)
	}
}

func TestFollowOpensDetails(t *testing.T) {
	t.Parallel()
	log, path := keyedLog(t)
	record(t, log, telling())
	for e, err := range audit.Follow(t.Context(), path, audit.ReadOptions{Key: theKey}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Reason != "" && e.Seq == 1 {
			record(t, log, telling())
			continue
		}
		if e.Sealed != "" || e.Seq != 2 {
			t.Errorf("got %+v", e)
		}
		break
	}
}
