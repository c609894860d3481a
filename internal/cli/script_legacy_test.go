package cli

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"authsome/internal/legacy/legacytest"
)

// oldHomeCommand writes what a user of authsome 0.2 has.
func oldHomeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: oldhome DIR")
	}
	w := ts.Value(worldKey{}).(*scriptWorld)
	issued, other := w.auth.Issue(clientID, "read"), w.auth.Issue(clientID, "read")
	w.secret(issued.AccessToken, issued.RefreshToken, other.AccessToken, other.RefreshToken)
	now := time.Now()
	spare := "key-" + strings.ToLower(rand.Text())
	w.secret(spare)
	h := legacytest.Home{
		DefaultProfile: "work", Definitions: map[string]string{
			"acme": string(w.definitions()["acme.json"]), "keys": string(w.definitions()["keys.json"]),
		},
		Records: map[string]legacytest.Record{
			legacytest.ConnectionKey("default", "acme", "default"): legacytest.OAuth(
				"default", "acme", "default", issued.AccessToken, issued.RefreshToken, now, now.Add(time.Hour), "read"),
			legacytest.ConnectionKey("default", "acme", "second"): legacytest.OAuth(
				"default", "acme", "second", other.AccessToken, other.RefreshToken, now.Add(-2*time.Hour), now.Add(-time.Hour), "read"),
			legacytest.Key("default", "acme", "client"):           legacytest.Client("default", "acme", clientID, w.clientSecret),
			legacytest.Key("default", "acme", "metadata"):         legacytest.Metadata("default", "acme", "default", "default", "second"),
			legacytest.Key("default", "acme", "state"):            legacytest.State("default", "acme", now, ""),
			legacytest.ConnectionKey("default", "keys", "my key"): legacytest.APIKey("default", "keys", "my key", spare, now),
			legacytest.ConnectionKey("default", "keys", "main"):   legacytest.APIKey("default", "keys", "main", w.apiKey, now),
			legacytest.Key("default", "keys", "metadata"):         legacytest.Metadata("default", "keys", "main", "my key", "main"),
			legacytest.ConnectionKey("work", "keys", "default"):   legacytest.APIKey("work", "keys", "default", w.apiKey, now),
		},
	}
	_, _ = rand.Read(h.Key[:]) // never fails
	ts.Check(h.Write(ts.MkAbs(args[0])))
	for name, content := range map[string]string{"old.access": issued.AccessToken, "old.key": w.apiKey} {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(content+"\n"), 0o600))
	}
}

// secretFilesCommand makes files of a script hold secrets.
func secretFilesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: secretfiles FILE...")
	}
	w := ts.Value(worldKey{}).(*scriptWorld)
	fresh, other := "key-"+strings.ToLower(rand.Text()), "key-"+strings.ToLower(rand.Text())
	w.secret(fresh, other)
	replace := strings.NewReplacer("API-KEY", w.apiKey, "NEW-KEY", fresh, "OTHER-KEY", other, "SECOND-KEY", w.secondKey,
		"CLIENT-ID", clientID, "CLIENT-SECRET", w.clientSecret)
	for _, name := range args {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(replace.Replace(ts.ReadFile(name))), 0o600))
	}
	ts.Check(os.WriteFile(ts.MkAbs("second.key"), []byte(w.secondKey+"\n"), 0o600))
}

// snapshotCommand writes down what lies below some paths.
func snapshotCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: snapshot FILE PATH...")
	}
	var b strings.Builder
	for _, root := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			fmt.Fprintf(&b, "%s %v %v %x\n", path, info.Mode(), info.ModTime(), sha256.Sum256(content))
			return err
		}))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}
