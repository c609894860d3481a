package attack_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"authsome/tests/internal/process"
)

// proof takes one defence out of the program.
type proof struct {
	name    string // what is taken out
	changes []change
}

// change is a substitution in a file of the source, which holds the old text exactly once.
type change struct{ file, old, new string }

// envProofs makes TestProof do all there are, if it is "all". Each builds a program of its own, so that otherwise only those
// are done that are a sample, or that -run names.
const envProofs = "AUTHSOME_ATTACK_PROOFS"

// sample are the numbers of the attacks that are always proven.
var sample = map[int]bool{1: true, 29: true}

// TestProof builds the program without the defence against an attack, one after the other, and expects the attack to
// succeed. Nothing in the tree changes.
func TestProof(t *testing.T) {
	t.Parallel() // a proof waits, mostly, for what a defence would have done
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	everything := os.Getenv(envProofs) == "all" || strings.Contains(flag.Lookup("test.run").Value.String(), "/")
	for _, a := range attacks {
		if !everything && !sample[a.number] {
			continue
		}
		for _, p := range proofs[a.number] {
			t.Run(a.id()+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				p.run(t, root, a)
			})
		}
	}
}

// TestProofsApply fails when the source has moved away from under a proof.
func TestProofsApply(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	for number, list := range proofs {
		for _, p := range list {
			if _, err := p.changed(root); err != nil {
				t.Errorf("attack %d, %s: %v", number, p.name, err)
			}
		}
	}
}

var building sync.Mutex

func (p proof) run(t *testing.T, root string, a attack) {
	dir := t.TempDir()
	overlay, err := p.overlay(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	building.Lock() // one by one: each takes all processors, and the next one finds half of its work done
	program, err := process.Build(dir, "-overlay", overlay)
	building.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestAttack$/^"+a.id()+"$", "-test.v", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), process.With(program), envReport+"=")
	out, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(out), "--- SKIP: TestAttack/"+a.id()):
		t.Skipf("the attack is not tried here:\n%s", out)
	case err == nil || !strings.Contains(string(out), "--- FAIL: TestAttack/"+a.id()):
		t.Errorf("without its defence the attack does not succeed: %v\n%s", err, out)
	default:
		t.Logf("%s", firstComplaint(string(out)))
	}
}

// firstComplaint returns the line with which the attack's test failed.
func firstComplaint(out string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "_test.go:") {
			return strings.TrimSpace(line)
		}
	}
	return out
}

// overlay writes the changed files and the description that "go build -overlay" wants of them.
func (p proof) overlay(root, dir string) (path string, err error) {
	changed, err := p.changed(root)
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	for file, content := range changed {
		replace[filepath.Join(root, file)] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(replace[filepath.Join(root, file)], []byte(content), 0o600); err != nil {
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

// changed returns the files as they are without the defence.
func (p proof) changed(root string) (map[string]string, error) {
	files := make(map[string]string)
	for _, c := range p.changes {
		if files[c.file] == "" {
			content, err := os.ReadFile(filepath.Join(root, c.file))
			if err != nil {
				return nil, fmt.Errorf("the source has moved: %w", err)
			}
			files[c.file] = string(content)
		}
		if n := strings.Count(files[c.file], c.old); n != 1 {
			return nil, fmt.Errorf("the source has moved: %s holds %q %d times", c.file, c.old, n)
		}
		files[c.file] = strings.Replace(files[c.file], c.old, c.new, 1)
	}
	return files, nil
}
