// Package release tests what a release is made of.
package release

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Two people who build the same commit get the same bytes, wherever they keep it and whatever they built before: the
// second build starts from an empty cache in another directory.
func TestBuildIsReproducible(t *testing.T) {
	t.Parallel()
	first, second := build(t, os.Environ()), build(t, append(os.Environ(), "GOCACHE="+t.TempDir(), "TZ=Asia/Tokyo"))
	if !slices.Equal(slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(second))) || len(first) < 10 {
		t.Fatalf("the builds made different files:\n%v\n%v", first, second)
	}
	for name, sum := range first {
		if second[name] != sum {
			t.Errorf("%s differs between two builds of one commit", name)
		}
	}
}

// build clones the repository to a new place, builds the program and its manual there, and returns the sums of all files.
func build(t *testing.T, env []string) map[string]string {
	t.Helper()
	source, out := filepath.Join(t.TempDir(), "source"), t.TempDir()
	// What Go takes from its surroundings: the build is the packages', not that of this test.
	env = append(env, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "SOURCE_DATE_EPOCH=1700000000")
	command(t, env, ".", "git", "clone", "--quiet", "--no-hardlinks", "../..", source)
	command(t, env, source, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w", "-o", filepath.Join(out, "authsome"), "./cmd/authsome")
	command(t, env, source, "go", "run", "./internal/release/manual", out)
	sums := make(map[string]string)
	err := fs.WalkDir(os.DirFS(out), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(out, path))
		sums[path] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func command(t *testing.T, env []string, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}
