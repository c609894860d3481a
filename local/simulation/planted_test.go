package simulation

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	refreshGo   = "local/refresh.go"
	freshnessGo = "local/freshness.go"
)

// planted are bugs that the simulation must find.
var planted = []struct {
	name    string
	within  int // how many schedules it may take
	changes []change
}{
	{"no re-read after the lock", 5000, []change{{
		refreshGo, "	c := h.connections[seen.ref.Connection]\n	if c == nil {", "	c := seen\n	if h.connections[seen.ref.Connection] == nil {",
	}}},
	{"publish before commit", 1000, []change{{
		refreshGo, "	c.Refresh = refreshState{LastAt: l.now().UTC()}\n	if err := l.insist(ctx, c, intent); err != nil {",
		"	c.Refresh = refreshState{LastAt: l.now().UTC()}\n	go func() { _ = l.insist(ctx, c, intent) }()\n	if err := ctx.Err(); err != nil {",
	}}},
	{"retry after invalid_grant", 1000, []change{{
		refreshGo, "		if e.Class != oauth.ClassAmbiguous || replays", "		if e.Class != oauth.ClassAmbiguous && e.Class != oauth.ClassGrant || replays",
	}}},
	{"unconditional invalid", 20000, []change{{
		refreshGo, "	err := l.store(ctx, c)\n	if errors.Is(err, vault.ErrConflict) {\n		// Somebody",
		"	if now, err := l.reread(ctx, c.ref); err == nil {\n		c.version = now.version\n	}\n" +
			"	err := l.store(ctx, c)\n	if errors.Is(err, vault.ErrConflict) {\n		// Somebody",
	}}},
	{"invalid after a failure of any kind", 1000, []change{{
		refreshGo, "	default:\n		c.Refresh.NextAttemptAt", "	default:\n		c.Invalid = true\n		c.Refresh.NextAttemptAt",
	}}},
	{"lock with a time-to-live", 5000, []change{{
		"local/lock.go", "	return l.vault.LockOrAwait(ctx, connectionKey(ref))",
		"	unlock, err := l.vault.LockOrAwait(ctx, connectionKey(ref))\n	if unlock != nil {\n" +
			"		time.AfterFunc(10*time.Second, unlock)\n	}\n	return unlock, err",
	}}},
	{"refresh tied to the caller's context", 1000, []change{{
		refreshGo, "	detached := context.WithoutCancel(ctx)", "	detached := ctx",
	}}},
	{"no intent", 1000, []change{{refreshGo, "	c.Refresh.IntentAt = l.now().UTC()\n", ""}}},
	{"no replay of a lost answer", 1000, []change{{refreshGo, "	maxReplays   = 2\n", "	maxReplays   = 0\n"}}},
	{"no second refresh after a death", 1000, []change{{freshnessGo, "	case !c.Refresh.IntentAt.IsZero(), c.Refresh.AnswerLost:", "	case c.Refresh.AnswerLost:"}}},
	{"no second refresh after lost answers", 5000, []change{{freshnessGo, "	case !c.Refresh.IntentAt.IsZero(), c.Refresh.AnswerLost:", "	case !c.Refresh.IntentAt.IsZero():"}}},
	{"rotated token dropped by a full disk", 20000, []change{{"local/commit.go", "	l.unstored[c.ref] = &unstored{record: c, intent: intent}\n", "	_ = intent\n"}}},
	{"age of a token from the future", 20000, []change{{freshnessGo, " || age < 0", ""}}},
	{"pause that began in the future", 20000, []change{{freshnessGo, " && !now.Before(s.LastAt)", ""}}},
}

// change is a substitution in a file of the source, which holds the old text exactly once.
type change struct{ file, old, new string }

// envPlanted makes TestPlantedBugs plant all bugs, if it is "all". Each takes a build, so that otherwise a few are planted.
const envPlanted = "AUTHSOME_SIM_PLANTED"

// TestPlantedBugs builds the simulation over the program with a bug in it, one after the other, and expects it to fail. Nothing
// in the tree changes.
func TestPlantedBugs(t *testing.T) {
	for i, p := range planted {
		if os.Getenv(envPlanted) != "all" && i > 0 {
			break
		}
		t.Run(p.name, func(t *testing.T) {
			out, err := simulateWith(t, p.within, p.changes)
			found := regexp.MustCompile(envSeed + `=(\d+): (.*)`).FindString(out)
			switch {
			case err != nil && !errors.As(err, new(*exec.ExitError)):
				t.Fatal(err)
			case err == nil, found == "":
				t.Errorf("%d schedules have not found it: %v\n%s", p.within, err, out)
			default:
				t.Logf("%s", found)
			}
		})
	}
}

// TestPlantedBugsApply fails when the source has moved away from under a bug.
func TestPlantedBugsApply(t *testing.T) {
	t.Parallel()
	for _, p := range planted {
		if _, err := overlay(t.TempDir(), p.changes); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}

// simulateWith runs schedules over the source with changes.
func simulateWith(t *testing.T, schedules int, changes []change) (string, error) {
	t.Helper()
	dir := t.TempDir()
	path, err := overlay(dir, changes)
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "simulation.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", path, "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %s\n%s", err.Error(), out) // no exit status of a simulation
	}
	cmd := exec.Command(program, "-test.run=^TestSimulation$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", envSchedules, schedules), envSeed+"=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// overlay writes the changed files and the description that "go build -overlay" wants of them.
func overlay(dir string, changes []change) (path string, err error) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	for i, c := range changes {
		file := filepath.Join(root, c.file)
		if replace[file] != "" {
			return "", fmt.Errorf("%s is changed twice", c.file)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("the source has moved: %w", err)
		}
		if n := strings.Count(string(content), c.old); n != 1 {
			return "", fmt.Errorf("the source has moved: %s holds %q %d times", c.file, c.old, n)
		}
		replace[file] = filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(replace[file], []byte(strings.Replace(string(content), c.old, c.new, 1)), 0o600); err != nil {
			return "", err
		}
	}
	description, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, description, 0o600)
}
