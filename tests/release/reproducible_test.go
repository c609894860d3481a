// Package release tests what a release is made of.
package release

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Two people who build the same commit get the same bytes, wherever they keep it and whatever they built before. The second
// build is in another directory, and compiles all of authsome anew; the libraries, too, in "make reproducible".
func TestBuildIsReproducible(t *testing.T) {
	t.Parallel()
	elsewhere := append(os.Environ(), "TZ=Asia/Tokyo", "LC_ALL=C", "GOGC=400")
	first := build(t, clone(t), os.Environ())
	if source := clone(t); packagesAreWanted() {
		compare(t, first, build(t, source, append(elsewhere, "GOCACHE="+t.TempDir())))
	} else {
		compare(t, first, build(t, source, append(elsewhere, "GOCACHE="+cacheOfLibraries(t, source))))
	}
}

// compare compares the sums of the files of two builds.
func compare(t *testing.T, first, second map[string]string) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(second))) || len(first) < 10 {
		t.Fatalf("the builds made different files:\n%v\n%v", first, second)
	}
	for name, sum := range first {
		if second[name] != sum {
			t.Errorf("%s differs between two builds of one commit", name)
		}
	}
}

// clone copies the repository to a new place.
func clone(t *testing.T) string {
	t.Helper()
	source := filepath.Join(t.TempDir(), "source")
	command(t, os.Environ(), ".", "git", "clone", "--quiet", "--no-hardlinks", "../..", source)
	return source
}

// programs are what is built here.
var programs = []string{"./cmd/authsome", "./cmd/authsome-age", "./internal/release/manual"}

// plain takes out of an environment what Go would take from it: the build is the packages', not that of this test.
func plain(env []string) []string {
	return append(slices.Clone(env), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "SOURCE_DATE_EPOCH=1700000000")
}

// build builds the programs and their manual, and returns the sums of all files.
func build(t *testing.T, source string, env []string) map[string]string {
	t.Helper()
	out := t.TempDir()
	args := []string{"build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w", "-o", out + string(filepath.Separator)}
	command(t, plain(env), source, "go", append(args, programs...)...)
	command(t, plain(env), source, filepath.Join(out, "manual"), out)
	return sums(t, out)
}

// sums returns the sums of the files in a directory.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, path))
		sums[path] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// cacheOfLibraries returns a new build cache that holds what the programs are made of except authsome itself: compiling
// SQLite and Go's own library takes ten times as long as the rest. Where the cache of this Go is kept in another way than
// this function knows, the new one is empty, and the test slower.
func cacheOfLibraries(t *testing.T, source string) string {
	t.Helper()
	known := strings.TrimSpace(string(command(t, os.Environ(), source, "go", "env", "GOCACHE")))
	ours := `{{if and .Module .Module.Main}}{{else}}{{.Export}} {{.BuildID}}{{end}}`
	list := command(t, plain(os.Environ()), source, "go", append([]string{"list", "-deps", "-export", "-trimpath", "-f", ours}, programs...)...)
	cache := t.TempDir()
	for line := range strings.Lines(string(list)) {
		compiled, id, ok := strings.Cut(strings.TrimSpace(line), " ")
		action, err := base64.RawURLEncoding.DecodeString(id[:max(strings.IndexByte(id, '/'), 0)])
		if !ok || err != nil || len(action) == 0 {
			continue
		}
		entries, err := filepath.Glob(filepath.Join(known, fmt.Sprintf("%02x", action[0]), fmt.Sprintf("%x*-a", action)))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range append(entries, compiled) {
			copyInto(t, cache, known, path)
		}
	}
	return cache
}

// copyInto copies a file of one directory to the same place in another.
func copyInto(t *testing.T, to, from, path string) {
	t.Helper()
	name, err := filepath.Rel(from, path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(to, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// command runs a command and returns what it prints.
func command(t *testing.T, env []string, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.Output()
	if err != nil {
		var complaints []byte
		if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // of os/exec itself
			complaints = exit.Stderr
		}
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, complaints)
	}
	return out
}
