package doctor

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/local"
)

func masterKey(fill byte) authsome.Secret {
	return authsome.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(fill), 32))))
}

// Contract: nothing is made or overwritten when the key does not fit.
func TestKeyThatDoesNotOpenTheVaultFailsAndNothingIsTouched(t *testing.T) {
	t.Parallel()
	keyFile := func(cfg *Config) string { return filepath.Join(cfg.Home, local.KeyFile) }
	for _, test := range []struct {
		name         string
		spoil        func(t *testing.T, cfg *Config)
		detail, hint string
	}{
		{"another key", func(t *testing.T, cfg *Config) {
			write(t, keyFile(cfg), "authsome-key-v1 "+masterKey('x').Reveal()+"\n")
		}, "master.key does not open the vault", "restore master.key"},
		{"missing", func(t *testing.T, cfg *Config) {
			if err := os.Remove(keyFile(cfg)); err != nil {
				t.Fatal(err)
			}
		}, "master.key is missing", "restore master.key"},
		{"malformed", func(t *testing.T, cfg *Config) {
			write(t, keyFile(cfg), "authsome-key-v1 c2hvcnQ=\n")
		}, "malformed", "put the right master.key back"},
		{"empty", func(t *testing.T, cfg *Config) { write(t, keyFile(cfg), "") }, "malformed", "put the right master.key back"},
		{"another in the environment", func(_ *testing.T, cfg *Config) {
			cfg.MasterKey = masterKey('x')
		}, "AUTHSOME_MASTER_KEY does not open the vault", "unset AUTHSOME_MASTER_KEY"},
		{"malformed in the environment", func(_ *testing.T, cfg *Config) {
			cfg.MasterKey = authsome.NewSecret("not-a-key")
		}, "AUTHSOME_MASTER_KEY", "unset AUTHSOME_MASTER_KEY"},
		{"malformed in the environment, no file", func(t *testing.T, cfg *Config) {
			cfg.MasterKey = authsome.NewSecret("not-a-key")
			if err := os.Remove(keyFile(cfg)); err != nil {
				t.Fatal(err)
			}
		}, "malformed", "base64 of 32 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := newHome(t)
			test.spoil(t, &cfg)
			before := contents(t, cfg.Home)
			checks := only(t, cfg, "master_key")
			mustContain(t, checks["master_key"].Detail, test.detail)
			mustContain(t, checks["master_key"].Hint, test.hint)
			mustContain(t, checks["vault"].Detail, "sound")
			if contents(t, cfg.Home) != before {
				t.Error("the home was changed")
			}
			if strings.Contains(fmt.Sprint(checks), "not-a-key") {
				t.Error("the key is shown")
			}
		})
	}
}

func TestMalformedKeyIsFoundBeforeThereIsAVault(t *testing.T) {
	t.Parallel()
	cfg := Config{Home: filepath.Join(t.TempDir(), "home"), UserHome: t.TempDir(), MasterKey: authsome.NewSecret("short")}
	only(t, cfg, "master_key")
	cfg.MasterKey = authsome.Secret{}
	write(t, filepath.Join(cfg.Home, local.KeyFile), "nothing of ours\n")
	before := contents(t, cfg.Home)
	only(t, cfg, "master_key")
	cfg.MasterKey = masterKey('x')
	only(t, cfg)
	if contents(t, cfg.Home) != before {
		t.Error("the home was changed")
	}
}

func TestKeyOfTheEnvironmentIsNamed(t *testing.T) {
	t.Parallel()
	cfg := Config{Home: filepath.Join(t.TempDir(), "home"), UserHome: t.TempDir(), MasterKey: masterKey('k')}
	withLayer(t, cfg, time.Now, func(context.Context, *local.Layer) {})
	mustContain(t, only(t, cfg)["master_key"].Detail, "AUTHSOME_MASTER_KEY opens the vault")

	cfg.MasterKey, cfg.Environ = authsome.Secret{}, []string{"AUTHSOME_BROKER=127.0.0.1:1234"}
	mustContain(t, only(t, cfg, "proxy_environment")["master_key"].Detail, "gives its child no AUTHSOME_MASTER_KEY")
}

func TestDamagedVaultFailsAndIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, path string)
		failed string
	}{
		{"truncated", func(t *testing.T, path string) {
			if err := os.Truncate(path, 5000); err != nil {
				t.Fatal(err)
			}
		}, "vault"},
		{"not a database", func(t *testing.T, path string) { write(t, path, strings.Repeat("x", 8192)) }, "vault"},
		{"page overwritten", func(t *testing.T, path string) { overwrite(t, path, 4096+8, "\xff\xff\xff\xff") }, "vault"},
		{"record tampered with", func(t *testing.T, path string) {
			execute(t, path, "UPDATE sealed_record SET sealed = zeroblob(90) WHERE key LIKE '%/connection/%'")
		}, "records connections"},
		{"record removed", func(t *testing.T, path string) {
			execute(t, path, "DELETE FROM sealed_record WHERE key LIKE '%/connection/%'")
		}, "records connections"},
		{"mark removed", func(t *testing.T, path string) {
			if err := os.Remove(path + ".mark"); err != nil {
				t.Fatal(err)
			}
		}, "vault_history connections"},
		{"data key lost", func(t *testing.T, path string) {
			execute(t, path, "DELETE FROM sealed_record WHERE key = 'meta/data-key'")
		}, "master_key"},
		{"newer", func(t *testing.T, path string) { execute(t, path, "PRAGMA user_version = 99") }, "vault"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := newHome(t)
			path := filepath.Join(cfg.Home, local.VaultFile)
			test.damage(t, path)
			before := contents(t, cfg.Home)
			failing := strings.Fields(test.failed)
			checks := only(t, cfg, failing...)
			for _, name := range failing {
				if checks[name].Hint == "" {
					t.Errorf("%s has no hint", name)
				}
			}
			if contents(t, cfg.Home) != before {
				t.Error("the home was changed")
			}
		})
	}
}

func overwrite(t *testing.T, path string, at int64, with string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(with), at); err != nil {
		t.Fatal(err)
	}
}

// dataSource names a database as the store does, to whoever opens it beside the store.
func dataSource(path string) string {
	return "file:" + filepath.ToSlash(path) + "?_journal_mode=TRUNCATE&_synchronous=FULL"
}

func openRaw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dataSource(path))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

func execute(t *testing.T, path, statement string) {
	t.Helper()
	db := openRaw(t, path)
	_, err := db.ExecContext(t.Context(), statement)
	if err := first(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// A process that dies in the middle of a commit leaves pages half written and the journal that undoes them.
func TestVaultOfACrashedWriterRecoversByItself(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	path := filepath.Join(cfg.Home, local.VaultFile)
	db := openRaw(t, path)
	for _, statement := range []string{
		"PRAGMA cache_size = 1", "BEGIN IMMEDIATE", "DELETE FROM sealed_record WHERE key <> 'meta/data-key'",
		// More than the cache holds, so that SQLite has to write the database before it commits.
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
			INSERT INTO sealed_record SELECT 'lost/' || i, 1, randomblob(900) FROM n`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	image := map[string]string{path: read(t, path), path + "-journal": read(t, path+"-journal")}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for path, content := range image {
		if content == "" {
			t.Fatalf("the crash left no %s: this test tests nothing", filepath.Base(path))
		}
		write(t, path, content)
	}
	checks := only(t, cfg)
	mustContain(t, checks["vault"].Detail, "a process died while it was writing")
	mustContain(t, checks["connections"].Detail, "all 1 can be read")
	if detail := only(t, cfg)["vault"].Detail; strings.Contains(detail, "died") {
		t.Errorf("it is still said to need recovery: %s", detail)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// A vault may be an earlier one and damaged besides: what helps against either is said.
func TestHintsOfSeveralChecksAreKeptApart(t *testing.T) {
	t.Parallel()
	checks := []Check{failed(historyCheck, "older", "accept it"), passed(vaultCheck, "sound"), failed(recordsCheck, "lost", "repair it")}
	if got := hintsOf(checks); got != "accept it; repair it" {
		t.Errorf("the hint is %q", got)
	}
}
