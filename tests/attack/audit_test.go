package attack_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authsome/tests/internal/process"
)

// 38: somebody who can write the home hides what was done: edits the audit log, takes entries out, puts them elsewhere, adds
// some, cuts the end off, with the head that knows it, drops it all, or puts it back, and has the next use cover that up.
func auditLogEdited(t *testing.T) {
	h := process.NewHome(t)
	w := struct{ log, head string }{filepath.Join(h.Dir, "audit.log"), filepath.Join(h.Dir, "audit.log.head")}
	const secret = "sk-audited-0123456789abcdefghijklmnopqrstuvwxyzABCD"
	h.MustWith(t, secret, "login", "openai", "--with-token")
	earlier := struct{ log, head []byte }{read(t, w.log), read(t, w.head)}
	for range 4 {
		h.Must(t, "get", "openai", "--field", "api_key", "--show-secret")
	}
	h.Must(t, "logout", "openai")
	log, head := read(t, w.log), read(t, w.head)
	if bytes.Contains(log, []byte(secret)) || bytes.Contains(head, []byte(secret)) {
		t.Fatal("the log holds the secret")
	}
	h.Must(t, "log", "verify")
	kept := filepath.Join(t.TempDir(), "head.json")
	if err := os.WriteFile(kept, []byte(h.Must(t, "log", "head")), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(log, []byte("\n")), []byte("\n"))
	if len(lines) < 5 {
		t.Fatalf("the log has %d entries", len(lines))
	}
	lines[len(lines)-1] = append(lines[len(lines)-1], '\n')
	join := func(parts ...[][]byte) []byte {
		var all []byte
		for _, p := range parts {
			all = append(all, bytes.Join(p, nil)...)
		}
		return all
	}
	last := len(lines) - 1
	for name, forged := range map[string]struct{ log, head []byte }{
		"edited":                   {bytes.Replace(log, []byte("openai"), []byte("github"), 1), head},
		"taken out":                {join(lines[:2], lines[3:]), head},
		"put elsewhere":            {join(lines[:1], lines[2:3], lines[1:2], lines[3:]), head},
		"repeated":                 {join(lines[:3], lines[2:]), head},
		"added":                    {join(lines, [][]byte{unchained(t, lines[1])}), head},
		"cut":                      {join(lines[:last]), head},
		"cut with a head to match": {join(lines[:last]), rewound(t, head, lines[last-1])},
		"cut without a head":       {join(lines[:last]), nil},
		"emptied":                  {nil, head},
	} {
		put(t, w.log, forged.log)
		put(t, w.head, forged.head)
		if r := h.Try(t, "log", "verify"); r.Code != 1 {
			t.Errorf("%s: not noticed: %s", name, r)
		}
	}
	// All of it gone, with the head, or put back with it, and the credential used again: this machine has seen more.
	for name, forged := range map[string]struct{ log, head []byte }{
		"dropped":  {nil, nil},
		"put back": {earlier.log, earlier.head},
	} {
		put(t, w.log, forged.log)
		put(t, w.head, forged.head)
		if r := h.Try(t, "log", "verify"); r.Code != 1 {
			t.Errorf("%s: not noticed: %s", name, r)
		}
		if r := h.Try(t, "log", "verify", "--head", kept); r.Code != 1 {
			t.Errorf("%s: not noticed by the head that was kept: %s", name, r)
		}
		h.MustWith(t, secret, "login", "openai", "--with-token", "--force")
		if r := h.Try(t, "log", "verify"); r.Code != 1 {
			t.Errorf("%s: covered up by what was done since: %s", name, r)
		}
	}
	// The same where nothing outside the home remembers: a head that is gone, or is none, stays on record.
	forget := func() {
		if err := os.RemoveAll(filepath.Join(filepath.Dir(h.Dir), ".local", "state", "authsome")); err != nil {
			t.Fatal(err)
		}
	}
	for name, forged := range map[string][]byte{"cut without a head": nil, "cut with a head to match": rewound(t, head, lines[last-1])} {
		forget()
		put(t, w.log, join(lines[:last]))
		put(t, w.head, forged)
		h.MustWith(t, secret, "login", "openai", "--with-token", "--force")
		if r := h.Try(t, "log", "verify"); r.Code != 1 {
			t.Errorf("%s: covered up by what was done since: %s", name, r)
		}
	}
	forget()
	put(t, w.log, log)
	put(t, w.head, head)
	h.Must(t, "log", "verify", "--head", kept)
}

// rewound is the head that somebody would make who cannot sign: it speaks of an earlier entry.
func rewound(t *testing.T, head, entry []byte) []byte {
	t.Helper()
	var h, e map[string]any
	if err := json.Unmarshal(head, &h); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(entry, &e); err != nil {
		t.Fatal(err)
	}
	for member := range h {
		if v, ok := e[member]; ok {
			h[member] = v
		}
	}
	forged, err := json.Marshal(h)
	if err != nil || bytes.Equal(bytes.TrimSpace(head), forged) || !strings.Contains(string(forged), "seq") {
		t.Fatalf("the forged head is %s, error %v", forged, err)
	}
	return forged
}

// unchained is an entry as somebody writes it who cannot chain.
func unchained(t *testing.T, entry []byte) []byte {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal(entry, &e); err != nil {
		t.Fatal(err)
	}
	delete(e, "seq")
	delete(e, "chain")
	forged, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return append(forged, '\n')
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put writes a file, or removes it if there is nothing to write.
func put(t *testing.T, path string, content []byte) {
	t.Helper()
	err := os.Remove(path)
	if content != nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}
