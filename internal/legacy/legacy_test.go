package legacy_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"authsome"
	"authsome/internal/legacy"
	"authsome/internal/legacy/legacytest"
)

var (
	noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	key  = sha256.Sum256([]byte("a key"))
)

// noKeyring is a machine without one.
func noKeyring(context.Context) (authsome.Secret, error) {
	return authsome.Secret{}, errors.New("there is no keyring")
}

func sample() legacytest.Home {
	oauth := legacytest.OAuth("default", "acme", "default", "at-1", "rt-1", noon, noon.Add(time.Hour), "read", "write")
	oauth["account"] = legacytest.Record{"id": "7", "label": "ann"}
	oauth["base_url"] = "https://acme.example"
	return legacytest.Home{Key: key, DefaultProfile: "work", Profiles: []string{"empty"}, Records: map[string]legacytest.Record{
		legacytest.ConnectionKey("default", "acme", "default"): oauth,
		legacytest.ConnectionKey("default", "acme", "a:b"):     legacytest.OAuth("default", "acme", "a:b", "at-2", "", noon, time.Time{}),
		legacytest.Key("default", "acme", "client"):            legacytest.Client("default", "acme", "id-1", "cs-1"),
		legacytest.Key("default", "acme", "metadata"):          legacytest.Metadata("default", "acme", "a:b", "default", "a:b"),
		legacytest.Key("default", "acme", "state"):             legacytest.State("default", "acme", noon, "400 Client Error"),
		legacytest.ConnectionKey("work", "keys", "default"):    legacytest.APIKey("work", "keys", "default", "key-1", noon),
	}, Definitions: map[string]string{"acme": "{}"}}
}

func written(t *testing.T, h legacytest.Home) string {
	t.Helper()
	name := "old [home]*"
	if runtime.GOOS == "windows" {
		name = "old [home]" // no name has a star
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := h.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// contents are the files below a directory, and what is in them.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = fmt.Sprintf("%v %v %x", info.Mode(), info.ModTime(), sha256.Sum256(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantUnchanged(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	after := contents(t, dir)
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the old home was changed:\n%v\nwas\n%v", after, before)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	dir := written(t, sample())
	before := contents(t, dir)
	s, err := legacy.Read(t.Context(), dir, noKeyring)
	if err != nil {
		t.Fatal(err)
	}
	wantUnchanged(t, dir, before)
	if len(s.Problems) > 0 || s.DefaultProfile != "work" || len(s.Profiles) != 3 || len(s.Definitions) != 1 {
		t.Fatalf("read %+v", s)
	}
	p := s.Profiles[0]
	if p.Name != "default" || p.Defaults["acme"] != "a:b" || len(p.Connections) != 2 || len(p.Clients) != 1 {
		t.Fatalf("the profile is %+v", p)
	}
	if c := p.Clients[0]; c.Provider != "acme" || c.ClientID != "id-1" || c.ClientSecret.Reveal() != "cs-1" {
		t.Errorf("the client is %+v", c)
	}
	c := p.Connections[1]
	if c.Name != "default" || c.AccessToken.Reveal() != "at-1" || c.RefreshToken.Reveal() != "rt-1" || c.AuthType != "oauth2" ||
		c.TokenType != "Bearer" || !c.ObtainedAt.Equal(noon) || !c.ExpiresAt.Equal(noon.Add(time.Hour)) || c.Status != "connected" ||
		!slices.Equal(c.Scopes, []string{"read", "write"}) || c.Account != (authsome.Account{ID: "7", Label: "ann"}) ||
		!c.LastRefreshAt.Equal(noon) || !c.LastRefreshFailed || p.BaseURL(c) != "https://acme.example" || p.ClientID(c) != "id-1" {
		t.Errorf("the connection is %+v", c)
	}
	if c := p.Connections[0]; c.Name != "a:b" || !c.RefreshToken.IsZero() || !c.ExpiresAt.IsZero() {
		t.Errorf("the other connection is %+v", c)
	}
	if c := s.Profiles[2].Connections[0]; c.APIKey.Reveal() != "key-1" || c.AuthType != "api_key" {
		t.Errorf("the key is %+v", c)
	}
	if shown := fmt.Sprintf("%+v %v %#v", s, s, *s); strings.Contains(shown, "at-1") || strings.Contains(shown, "cs-1") {
		t.Error("a secret shows")
	}
}

// A daemon that runs, or has died, leaves the newest records in the write-ahead log.
func TestReadSeesWhatIsInTheLog(t *testing.T) {
	t.Parallel()
	h := sample()
	dir := written(t, h)
	path := filepath.Join(dir, "profiles", "work", "store.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	value, err := h.Seal(legacytest.APIKey("work", "keys", "late", "key-2", noon))
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range []string{"work", "moved"} { // the second lies in the wrong store
		_, err := db.Exec("INSERT INTO kv VALUES (?, ?)", legacytest.ConnectionKey(profile, "keys", "late"), value)
		if err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatalf("there is no log: %v", err)
	}
	before := contents(t, dir)
	s, err := legacy.Read(t.Context(), dir, noKeyring)
	if err != nil {
		t.Fatal(err)
	}
	wantUnchanged(t, dir, before)
	if got := len(s.Profiles[2].Connections); got != 2 {
		t.Errorf("%d connections, want also the one in the log", got)
	}
	if len(s.Problems) != 1 || s.Problems[0].Profile != "moved" {
		t.Errorf("problems %+v, want the record of another profile", s.Problems)
	}
}

func TestDamagedRecordsAreNamed(t *testing.T) {
	t.Parallel()
	h := sample()
	good, err := h.Seal(legacytest.APIKey("default", "k", "x", "key-9", noon))
	if err != nil {
		t.Fatal(err)
	}
	older := legacytest.APIKey("default", "k", "older", "key-9", noon)
	delete(older, "schema_version")
	newer := legacytest.APIKey("default", "k", "newer", "key-9", noon)
	newer["schema_version"] = 3
	hollow := legacytest.APIKey("default", "k", "hollow", "", noon)
	mistyped := legacytest.APIKey("default", "k", "mistyped", "key-9", noon)
	mistyped["status"] = []string{"key-9"}
	late := legacytest.APIKey("default", "k", "late", "key-9", noon)
	late["obtained_at"] = "key-9"
	for name, r := range map[string]legacytest.Record{
		"older": older, "newer": newer, "hollow": hollow, "mistyped": mistyped, "late": late,
	} {
		h.Records[legacytest.ConnectionKey("default", "k", name)] = r
	}
	h.Raw = map[string]string{
		legacytest.ConnectionKey("default", "k", "no-nonce"):  "AAAA",
		legacytest.ConnectionKey("default", "k", "short"):     "AAAA.AAAA",
		legacytest.ConnectionKey("default", "k", "truncated"): good[:len(good)-8],
		legacytest.ConnectionKey("default", "k", "flipped"):   good[:len(good)-8] + "AAAA" + good[len(good)-4:],
		legacytest.ConnectionKey("default", "k", "empty"):     "",
		"profile:default:k:strange":                           "what later versions may have",
		"profile:default:__doctor_test__":                     "",
	}
	s, err := legacy.Read(t.Context(), written(t, h), noKeyring)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range s.Problems {
		names = append(names, p.Profile+"/"+p.Provider+"/"+p.Name)
		if strings.Contains(p.Err.Error(), "key-9") {
			t.Errorf("%s: the error shows what is in the record: %v", p.Name, p.Err)
		}
	}
	want := []string{"empty", "flipped", "hollow", "late", "mistyped", "newer", "no-nonce", "older", "short", "truncated"}
	for i := range want {
		want[i] = "default/k/" + want[i]
	}
	if !slices.Equal(names, want) {
		t.Errorf("problems %q, want %q", names, want)
	}
	if got := len(s.Profiles[0].Connections); got != 2 {
		t.Errorf("%d connections were read, want the 2 that are whole", got)
	}
}

func TestDamagedStoreDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	dir := written(t, sample())
	if err := os.WriteFile(filepath.Join(dir, "profiles", "default", "store.db"), []byte("not a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := legacy.Read(t.Context(), dir, noKeyring)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Problems) != 1 || s.Problems[0].Profile != "default" || len(s.Profiles) != 2 {
		t.Errorf("read %+v", s)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	encoded := base64.StdEncoding.EncodeToString(key[:])
	other := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, test := range map[string]struct {
		file, mode, keyring string
		message             string // empty: it works
	}{
		"file":                  {file: `{"version": 1, "key": "` + encoded + `", "algorithm": "AES-256-GCM"}`},
		"keyring":               {mode: "keyring", keyring: encoded},
		"keyring goes first":    {file: `{"key": "` + other + `"}`, mode: "keyring", keyring: encoded},
		"no file, but keyring":  {keyring: encoded},
		"our own file":          {file: "authsome-key-v1 " + other, keyring: encoded},
		"wrong key":             {file: `{"version": 1, "key": "` + other + `"}`, message: "does not open the store"},
		"wrong key in keyring":  {mode: "keyring", keyring: other, message: "the key in the system's keyring does not open"},
		"none at all":           {message: "is neither in"},
		"not in the keyring":    {mode: "keyring", message: "cannot be had from the system's keyring"},
		"damaged file":          {file: `{"version": 1, "key": "` + encoded, message: "is damaged"},
		"empty key":             {file: `{"version": 1}`, message: "holds no key"},
		"short key":             {file: `{"key": "AAAA"}`, message: "it has 3 bytes, not 32"},
		"no base64":             {file: `{"key": "%"}`, message: "it is not base64"},
		"another algorithm":     {file: `{"key": "` + encoded + `", "algorithm": "XOR"}`, message: `algorithm "XOR"`},
		"nonsense in keyring":   {mode: "keyring", keyring: "%", message: "the key in the system's keyring is no key"},
		"later version of file": {file: `{"version": 2, "key": "` + encoded + `"}`, message: "version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := sample()
			h.Mode = test.mode
			dir := written(t, h)
			path := filepath.Join(dir, "master.key")
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if test.file != "" {
				if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := legacy.Read(t.Context(), dir, func(context.Context) (authsome.Secret, error) {
				if test.keyring == "" {
					return noKeyring(t.Context())
				}
				return authsome.NewSecret(test.keyring), nil
			})
			switch {
			case test.message == "" && err != nil:
				t.Fatal(err)
			case test.message == "":
			case err == nil || !strings.Contains(err.Error(), test.message) || authsome.KindOf(err) != authsome.KindVaultUnavailable:
				t.Errorf("error %v, want one with %q", err, test.message)
			case strings.Contains(err.Error(), encoded) || strings.Contains(err.Error(), other):
				t.Errorf("the error %v shows a key", err)
			}
		})
	}
}

func TestThereMayBeNoStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := legacy.Read(t.Context(), dir, noKeyring); !errors.Is(err, legacy.ErrNoStore) || legacy.Exists(dir) {
		t.Errorf("an empty directory: %v", err)
	}
	if !legacy.Exists(written(t, sample())) {
		t.Error("a store is not seen")
	}
}

// It is not parallel: go-keyring's provider is one for the process.
func TestKeyring(t *testing.T) {
	keyring.MockInit()
	if err := keyring.Set("authsome", "master_key", "the key"); err != nil {
		t.Fatal(err)
	}
	if got, err := legacy.Keyring(t.Context()); err != nil || got.Reveal() != "the key" {
		t.Errorf("got %v, error %v", got, err)
	}
	keyring.MockInitWithError(errors.New("locked"))
	if _, err := legacy.Keyring(t.Context()); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := legacy.Keyring(ctx); err == nil {
		t.Error("an answer came although nobody waited")
	}
}
