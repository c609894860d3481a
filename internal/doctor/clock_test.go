package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/local"
)

func TestCredentialFromTheFutureFailsTheClock(t *testing.T) {
	t.Parallel()
	cfg := newHomeAt(t, func() time.Time { return time.Now().Add(time.Hour) })
	c := only(t, cfg, "clock")["clock"]
	mustContain(t, c.Detail, "acme (default) was issued in the future")
	mustContain(t, c.Hint, "set the clock")
}

func TestFileFromTheFutureFailsTheClock(t *testing.T) {
	t.Parallel()
	for _, name := range []string{local.VaultFile, local.AuditFile} {
		cfg := newHome(t)
		future := time.Now().Add(2 * time.Minute)
		if err := os.Chtimes(filepath.Join(cfg.Home, name), future, future); err != nil {
			t.Fatal(err)
		}
		mustContain(t, only(t, cfg, "clock")["clock"].Detail, name+" was written in the future")
	}
}

// A clock that is behind finds everything it did in the future.
func TestClockThatIsFarBehindFails(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	cfg.Now = func() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }
	mustContain(t, only(t, cfg, "clock")["clock"].Detail, "2020-01-01T00:00:00Z", "acme", "vault.db")
}

func TestClockOfATokenEndpointThatDiffersFailsAndNamesTheProvider(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e := &examination{Config: Config{Home: t.TempDir(), Now: func() time.Time { return now }}}
	for _, test := range []struct {
		skew time.Duration
		want string // empty: no failure
	}{
		{0, ""},
		{time.Minute, ""},
		{-time.Minute, ""},
		{61 * time.Second, "clock of github was 61 seconds ahead of this machine's"},
		{-26 * time.Hour, "clock of github was 26 hours behind this machine's"},
	} {
		c := e.clock([]authsome.Connection{{
			Ref:        authsome.Ref{Profile: "p", Provider: "github", Connection: "work"},
			ObtainedAt: now.Add(-time.Hour), ClockSkew: test.skew,
		}})
		if c.OK != (test.want == "") || !strings.Contains(c.Detail, test.want) {
			t.Errorf("skew %s: %+v", test.skew, c)
		}
		if !c.OK {
			mustContain(t, c.Hint, "authsome get github --connection work --profile p --refresh")
		}
	}
}
