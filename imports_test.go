package authsome_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed says which packages of this module a package may import, besides those below it. Tests may import what they like.
var allowed = map[string][]string{
	"authsome":                     {},
	"authsome/vault":               {},
	"authsome/vault/storetest":     {"authsome/vault"},
	"authsome/internal/sqlite":     {"authsome/vault", "authsome/internal/atomicfile"},
	"authsome/internal/keysource":  {"authsome", "authsome/vault", "authsome/internal/atomicfile", "authsome/internal/companion", "authsome/internal/shell"},
	"authsome/internal/companion":  {},
	"authsome/internal/agekey":     {"authsome/internal/keysource/helper"},
	"authsome/internal/atomicfile": {},
	"authsome/internal/leanjson":   {},
	"authsome/internal/shell":      {},
	"authsome/internal/poll":       {},
	"authsome/internal/jsonfault":  {},
	"authsome/internal/span":       {},
	"authsome/internal/provider":   {"authsome", "authsome/internal/atomicfile", "authsome/internal/leanjson", "authsome/internal/policy", "authsome/internal/jsonfault"},
	"authsome/internal/oauth":      {"authsome", "authsome/internal/span"},
	"authsome/internal/authserver": {},
	"authsome/internal/mitm":       {},
	"authsome/internal/sigv4":      {"authsome"},
	"authsome/internal/redact":     {"authsome"},
	"authsome/internal/legacy":     {"authsome", "authsome/internal/jsonfault"},
	"authsome/internal/envscan":    {"authsome"},
	"authsome/internal/audit":      {"authsome", "authsome/internal/atomicfile", "authsome/internal/leanjson"},
	"authsome/internal/debuglog":   {},
	"authsome/internal/loopback":   {"authsome", "authsome/internal/peer", "authsome/internal/span"},
	"authsome/internal/run":        {"authsome", "authsome/internal/shell"},
	"authsome/internal/sandbox":    {"authsome", "authsome/internal/shell"},
	"authsome/internal/agent":      {"authsome/internal/sandbox", "authsome/internal/shell"},
	"authsome/internal/peer":       {"authsome"},
	"authsome/internal/notify":     {"authsome", "authsome/internal/span"},
	"authsome/internal/keepalive":  {"authsome"},
	"authsome/internal/policy":     {"authsome", "authsome/internal/jsonfault", "authsome/internal/span"},
	"authsome/internal/trust":      {"authsome/internal/atomicfile"},
	"authsome/internal/backup":     {"authsome/vault", "authsome/internal/companion"},
	"authsome/internal/agestream":  {"authsome/internal/backup/helper"},
	"authsome/internal/proxy":      {"authsome", "authsome/internal/mitm", "authsome/internal/policy", "authsome/internal/redact"},
	"authsome/internal/standing": {
		"authsome", "authsome/internal/atomicfile", "authsome/internal/proxy", "authsome/internal/run",
	},
	"authsome/local": {
		"authsome", "authsome/vault", "authsome/internal/oauth", "authsome/internal/provider",
		"authsome/internal/sqlite", "authsome/internal/keysource", "authsome/internal/sigv4", "authsome/internal/leanjson",
		"authsome/internal/atomicfile", "authsome/internal/shell", "authsome/internal/poll",
	},
	"authsome/internal/doctor": {
		"authsome", "authsome/vault", "authsome/local", "authsome/internal/provider", "authsome/internal/audit",
		"authsome/internal/sandbox", "authsome/internal/agent", "authsome/internal/shell", "authsome/internal/span",
	},
	"authsome/internal/demo":              {"authsome/internal/authserver", "authsome/internal/mitm", "authsome/internal/shell"},
	"authsome/internal/proxy/http1":       {},
	"authsome/internal/keysource/helper":  {},
	"authsome/internal/backup/helper":     {},
	"authsome/internal/legacy/legacytest": {},
	"authsome/local/simulation":           {},
}

// joins reports whether a package may import all others: the command, what starts it, and what measures or documents it.
func joins(path string) bool {
	return path == "authsome/internal/cli" || slices.ContainsFunc(
		[]string{"authsome/cmd/", "authsome/internal/bench/", "authsome/internal/release/"},
		func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

func TestImportsFollowTheArchitecture(t *testing.T) {
	for _, p := range listPackages(t) {
		if joins(p.ImportPath) {
			continue
		}
		permitted, ruled := allowed[p.ImportPath]
		if !ruled {
			t.Errorf("nothing says what %s may import", p.ImportPath)
		}
		for _, imported := range p.Imports {
			ours := imported == "authsome" || strings.HasPrefix(imported, "authsome/")
			below := strings.HasPrefix(imported, p.ImportPath+"/")
			if ours && !below && !slices.Contains(permitted, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
			if p.ImportPath == "authsome" && strings.Contains(imported, ".") {
				t.Errorf("the root package imports %s, which is not the standard library", imported)
			}
		}
	}
}

// The program links neither what only tests need nor packages that cost every command their start-up.
func TestProgramLinksNoTestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./cmd/authsome").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{
		"testing", "net/http/httptest", "github.com/google/jsonschema-go/jsonschema", "filippo.io/age", "golang.org/x/crypto/ssh",
		"runtime/metrics",
	} {
		if slices.Contains(strings.Fields(string(out)), forbidden) {
			t.Errorf("the program links %s", forbidden)
		}
	}
}

type listedPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listedPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
