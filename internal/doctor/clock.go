package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"authsome"
	"authsome/internal/span"
	"authsome/local"
)

// skewTolerance is what clocks may differ by. Tokens are renewed earlier before their end than that.
const skewTolerance = time.Minute

// clock looks for evidence that this machine's clock is off: what has happened already cannot lie in the future, and
// the token endpoints have told their time.
func (e *examination) clock(connections []authsome.Connection) Check {
	const name = "clock"
	now := e.Now()
	var lines []string
	for _, path := range []string{e.vaultPath(), e.in(local.AuditFile)} {
		if info, err := os.Stat(path); err == nil && info.ModTime().Sub(now) > skewTolerance {
			lines = append(lines, fmt.Sprintf("%s was written in the future, at %s", filepath.Base(path), stamp(info.ModTime())))
		}
	}
	for _, c := range connections {
		lines = append(lines, skewOf(c, now)...)
	}
	if len(lines) == 0 {
		return passed(name, "no sign that it is off")
	}
	lines = append(lines, "this machine's clock says "+stamp(now))
	hint := "set the clock, for example with: sudo timedatectl set-ntp true"
	if again := skewed(connections); again != "" {
		hint += "; then compare again with: " + again
	}
	return failed(name, strings.Join(lines, "\n"), hint)
}

// skewed returns a command that compares the clocks again, if one differs.
func skewed(connections []authsome.Connection) string {
	for _, c := range connections {
		if c.ClockSkew.Abs() > skewTolerance {
			return "authsome get " + local.ArgumentsOf(c) + " --refresh"
		}
	}
	return ""
}

func skewOf(c authsome.Connection, now time.Time) (lines []string) {
	if c.ObtainedAt.Sub(now) > skewTolerance {
		lines = append(lines, fmt.Sprintf("the credential of %s was issued in the future, at %s", c.Ref, stamp(c.ObtainedAt)))
	}
	if c.ClockSkew.Abs() > skewTolerance {
		direction := "ahead of"
		if c.ClockSkew < 0 {
			direction = "behind"
		}
		lines = append(lines, fmt.Sprintf("the clock of %s was %s %s this machine's when it issued the credential of %s, at %s",
			c.Provider, span.Words(c.ClockSkew.Abs()), direction, c.Ref, stamp(c.ObtainedAt)))
	}
	return lines
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
