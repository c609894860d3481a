package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/internal/audit"
	"authsome/local"
)

// acme is a provider definition of the user's own.
const acme = `{
	"schema_version": 1, "name": "acme", "display_name": "Acme", "auth_type": "api_key", "flow": "api_key",
	"host_url": "api.acme.example", "api_key": {"header_name": "Authorization", "header_prefix": "Bearer"}
}`

// newHome makes a home as the command would: with a key, a vault, a definition, a login, an audit log and settings.
func newHome(t *testing.T) Config {
	t.Helper()
	return newHomeAt(t, time.Now)
}

func newHomeAt(t *testing.T, now func() time.Time) Config {
	t.Helper()
	dir := t.TempDir()
	cfg := Config{Home: filepath.Join(dir, "home"), UserHome: dir, Now: time.Now}
	write(t, filepath.Join(cfg.Home, local.ConfigFile), "{}\n")
	write(t, filepath.Join(cfg.Home, local.LogDir, local.DebugLogFile), "")
	withLayer(t, cfg, now, func(ctx context.Context, layer *local.Layer) {
		if _, err := layer.Register(ctx, []byte(acme), false); err != nil {
			t.Fatal(err)
		}
		next, err := layer.Authorize(ctx, authsome.LoginRequest{
			Ref:    authsome.Ref{Provider: "acme"},
			Fields: map[authsome.FieldName]authsome.Secret{authsome.FieldAPIKey: authsome.NewSecret("an-api-key")},
		})
		if err != nil || next.Connection == nil {
			t.Fatalf("login: %+v, %v", next, err)
		}
	})
	return cfg
}

// withLayer opens a home as the command would.
func withLayer(t *testing.T, cfg Config, now func() time.Time, use func(context.Context, *local.Layer)) {
	t.Helper()
	keys, err := local.KeySource(cfg.Home, cfg.MasterKey)
	if err != nil {
		t.Fatal(err)
	}
	trail := audit.Open(filepath.Join(cfg.Home, local.AuditFile))
	layer, err := local.Open(t.Context(), local.Config{Home: cfg.Home, Keys: keys, Recorder: trail, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	use(t.Context(), layer)
	if err := layer.Close(); err != nil {
		t.Fatal(err)
	}
}

// write makes a file with the mode everything in a home has.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// only runs all checks, fails the test unless exactly the named ones failed, and returns all by name.
func only(t *testing.T, cfg Config, failing ...string) map[string]Check {
	t.Helper()
	all := make(map[string]Check)
	for _, c := range Run(t.Context(), cfg) {
		if _, twice := all[c.Name]; twice {
			t.Errorf("the check %s is there twice", c.Name)
		}
		all[c.Name] = c
		expected := false
		for _, name := range failing {
			expected = expected || name == c.Name
		}
		if c.OK == expected {
			t.Errorf("check %s: OK is %t: %s (hint: %s)", c.Name, c.OK, c.Detail, c.Hint)
		}
	}
	for _, name := range failing {
		if _, made := all[name]; !made {
			t.Errorf("there is no check %s", name)
		}
	}
	return all
}

// mustContain fails the test unless s has all parts.
func mustContain(t *testing.T, s string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(s, part) {
			t.Errorf("%q is missing in:\n%s", part, s)
		}
	}
}

func TestHealthyHomeIsAllOK(t *testing.T) {
	t.Parallel()
	checks := only(t, newHome(t))
	mustContain(t, checks["master_key"].Detail, "master.key opens the vault")
	mustContain(t, checks["vault"].Detail, "sound", "SQLite 3.")
	mustContain(t, checks["connections"].Detail, "all 1 can be read")
	mustContain(t, checks["definitions"].Detail, "1 of your own")
	mustContain(t, checks["audit_log"].Detail, "2 entries")
}

func TestHomeThatIsNotThereIsOKAndStaysSo(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(home string) error{
		"missing": func(string) error { return nil },
		"empty":   func(home string) error { return os.Mkdir(home, 0o700) },
		"empty vault": func(home string) error {
			return first(os.Mkdir(home, 0o700), os.WriteFile(filepath.Join(home, local.VaultFile), nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Home: filepath.Join(t.TempDir(), "home"), UserHome: t.TempDir()}
			if err := prepare(cfg.Home); err != nil {
				t.Fatal(err)
			}
			before := contents(t, cfg.Home)
			checks := only(t, cfg)
			mustContain(t, checks["vault"].Detail, "not initialised yet")
			mustContain(t, checks["vault"].Hint, "authsome init")
			if after := contents(t, cfg.Home); after != before {
				t.Errorf("the home was changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

func first(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// contents is everything below dir as one text.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			b.WriteString(path + " " + info.Mode().String() + "\n")
		}
		if err == nil && info.Mode().IsRegular() {
			b.WriteString(read(t, path))
		}
		return nil // a home that is missing has no contents
	})
	return b.String()
}

func TestHomeThatIsAFileFails(t *testing.T) {
	t.Parallel()
	cfg := Config{Home: filepath.Join(t.TempDir(), "home"), UserHome: t.TempDir()}
	write(t, cfg.Home, "")
	byName := make(map[string]Check)
	for _, c := range Run(t.Context(), cfg) {
		byName[c.Name] = c
	}
	if c := byName["home"]; c.OK {
		t.Errorf("home is OK: %s", c.Detail)
	}
}

func TestConfigurationThatCannotBeUsedFails(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	cfg.Settings = context.DeadlineExceeded
	mustContain(t, only(t, cfg, "configuration")["configuration"].Detail, context.DeadlineExceeded.Error())
}

func TestDiskVerdicts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		found    fileSystem
		ok, hint bool
	}{
		{"local", fileSystem{free: 1 << 30}, true, false},
		{"network", fileSystem{free: 1 << 30, network: "NFS"}, true, true},
		{"full", fileSystem{free: 4096}, false, true},
		{"full network", fileSystem{free: 4096, network: "NFS"}, false, true},
		{"read-only", fileSystem{free: 1 << 30, readOnly: true}, false, true},
	} {
		c := judgeDisk("/home", test.found)
		if c.OK != test.ok || (c.Hint != "") != test.hint {
			t.Errorf("%s: %+v", test.name, c)
		}
	}
}
