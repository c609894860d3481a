//go:build amd64 || arm64

package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A working tree names its repository, which git writes to. A program in the sandbox can write what a tree names, too: the
// next run must not open to it what it likes.
func TestOnlyTheRepositoryOfAWorkingTreeIsWritten(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := func(names ...string) string { return filepath.Join(append([]string{base}, names...)...) }

	// As git worktree add makes them.
	writeFile(t, in("tree", ".git"), "gitdir: "+in("repo", ".git", "worktrees", "tree")+"\n")
	writeFile(t, in("repo", ".git", "worktrees", "tree", "commondir"), "../..\n")
	writeFile(t, in("repo", ".git", "worktrees", "tree", "gitdir"), in("tree", ".git")+"\n")
	// A file in the tree that says where else to write.
	writeFile(t, in("forged", ".git"), "gitdir: state\n")
	writeFile(t, in("forged", "state", "commondir"), in("other")+"\n")
	writeFile(t, in("forged", "state", "gitdir"), in("forged", ".git")+"\n")
	// One that has the form of a working tree's.
	writeFile(t, in("formed", ".git"), "gitdir: worktrees/x\n")
	writeFile(t, in("formed", "worktrees", "x", "commondir"), in("other")+"\n")
	writeFile(t, in("formed", "worktrees", "x", "gitdir"), in("formed", ".git")+"\n")
	// One that claims to be a working tree of somebody else's repository.
	writeFile(t, in("claims", ".git"), "gitdir: "+in("repo", ".git", "worktrees", "tree")+"\n")
	// One that gets there by a link.
	writeFile(t, in("linked", ".git"), "gitdir: out/worktrees/x\n")
	writeFile(t, in("linked", "in", "worktrees", "x", "commondir"), "../..\n")
	if err := os.Symlink(in("other"), in("linked", "out")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, in("other", "file"), "")
	// One that never ends.
	writeFile(t, in("endless", "file"), "")
	if err := os.Symlink("/dev/zero", in("endless", ".git")); err != nil {
		t.Fatal(err)
	}

	for tree, want := range map[string][]string{
		"tree": {in("tree"), in("repo", ".git")}, "forged": {in("forged")}, "formed": {in("formed")},
		"claims": {in("claims")}, "linked": {in("linked")}, "endless": {in("endless")},
	} {
		if got := projectDirs(in(tree)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", tree, got, want)
		}
	}
}
