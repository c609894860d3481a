package envscan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func places(t *testing.T, dir string) (found, skipped []string) {
	t.Helper()
	all, without, err := Files(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		found = append(found, fmt.Sprintf("%s:%d %s", v.File, v.Line, v.Name))
	}
	for _, s := range without {
		skipped = append(skipped, s.Path+": "+s.Reason)
	}
	return found, skipped
}

func TestFilesReadsEnvFilesOnly(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("d/", maxDepth)
	dir := writeTree(t, map[string]string{
		".env": "A=1\nB=2", ".env.local": "C=3", ".envrc": "export D=4", "env": "X=1", "prod.env": "X=1", "x/.env": "E=5",
		".env.example": "X=1", ".env.sample": "X=1", "x/.env.local.template": "X=1",
		"node_modules/p/.env": "X=1", ".git/.env": "X=1", "vendor/.env": "X=1", "x/.venv/.env": "X=1",
		".env.bin": "X=1\x00", ".env.huge": "X=" + strings.Repeat("x", maxFileSize), deep + ".env": "F=6", deep + "d/.env": "X=1",
	})
	found, skipped := places(t, dir)
	want := []string{".env:1 A", ".env:2 B", ".env.local:1 C", ".envrc:1 D", deep + ".env:1 F", "x/.env:1 E"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("found (-want +got)\n%s", diff)
	}
	want = []string{
		".env.bin: it is not text", ".env.huge: it is larger than 256 KiB", deep + "d: it lies more than 12 directories deep",
	}
	if diff := cmp.Diff(want, skipped); diff != "" {
		t.Errorf("skipped (-want +got)\n%s", diff)
	}
}

func TestFilesStaysInItsDirectory(t *testing.T) {
	t.Parallel()
	outside := writeTree(t, map[string]string{".env": "OUTSIDE=1"})
	dir := writeTree(t, map[string]string{"config/dev": "INSIDE=1", "a/b": ""})
	for name, target := range map[string]string{
		".env": "config/dev", ".env.out": filepath.Join(outside, ".env"), ".env.up": filepath.Join("..", filepath.Base(outside), ".env"),
		"linked": outside, "a/.env": ".", "a/.env.gone": "nothing",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			if runtime.GOOS == "windows" {
				t.Skip(err)
			}
			t.Fatal(err)
		}
	}
	found, skipped := places(t, dir)
	if diff := cmp.Diff([]string{".env:1 INSIDE"}, found); diff != "" {
		t.Errorf("found (-want +got)\n%s", diff)
	}
	if len(skipped) != 4 || !strings.HasPrefix(skipped[0], ".env.out: ") || strings.Contains(strings.Join(skipped, " "), "OUTSIDE") {
		t.Errorf("skipped %q, want two links that lead out, one to a directory and one to nothing", skipped)
	}
}

func TestFilesEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Files(ctx, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, _, err := Files(t.Context(), filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a directory that is not there was scanned")
	}
}
