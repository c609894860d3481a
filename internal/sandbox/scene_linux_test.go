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
	asRepository(t, in("repo", ".git"))
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
	// One that says where another one is.
	if err := os.MkdirAll(in("borrowed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(in("tree", ".git"), in("borrowed", ".git")); err != nil {
		t.Fatal(err)
	}
	// One that has come to the place of another one, by a link.
	writeFile(t, in("moved", ".git"), "gitdir: "+in("repo", ".git", "worktrees", "moved")+"\n")
	writeFile(t, in("repo", ".git", "worktrees", "moved", "commondir"), "../..\n")
	writeFile(t, in("repo", ".git", "worktrees", "moved", "gitdir"), in("old", ".git")+"\n")
	if err := os.Symlink("moved", in("old")); err != nil {
		t.Fatal(err)
	}
	// One that lies where a repository would keep what it knows of a tree, and says that it is just that.
	asRepository(t, base)
	writeFile(t, in("worktrees", "around", ".git"), "gitdir: .\n")
	writeFile(t, in("worktrees", "around", "commondir"), "../..\n")
	writeFile(t, in("worktrees", "around", "gitdir"), ".git\n")
	// One whose repository is none.
	writeFile(t, in("false", ".git"), "gitdir: "+in("none", "worktrees", "false")+"\n")
	writeFile(t, in("none", "worktrees", "false", "commondir"), "../..\n")
	writeFile(t, in("none", "worktrees", "false", "gitdir"), in("false", ".git")+"\n")
	// One that never ends.
	writeFile(t, in("endless", "file"), "")
	if err := os.Symlink("/dev/zero", in("endless", ".git")); err != nil {
		t.Fatal(err)
	}

	for tree, want := range map[string][]string{
		"tree": {in("tree"), in("repo", ".git")}, "forged": {in("forged")}, "formed": {in("formed")},
		"claims": {in("claims")}, "linked": {in("linked")}, "endless": {in("endless")}, "borrowed": {in("borrowed")}, "moved": {in("moved")},
		"worktrees/around": {in("worktrees/around")}, "false": {in("false")},
	} {
		if got := projectDirs(in(tree)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", tree, got, want)
		}
	}
	// What an open directory says of its surroundings counts no more than what the tree says.
	if got, want := projectDirs(in("tree"), in("repo", ".git", "worktrees")), []string{in("tree")}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := projectDirs(in("tree"), in("repo")), []string{in("tree"), in("repo", ".git")}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func asRepository(t *testing.T, dir string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, "HEAD"), "ref: refs/heads/main\n")
	writeFile(t, filepath.Join(dir, "refs", "heads", "main"), "")
	writeFile(t, filepath.Join(dir, "objects", "pack", "x"), "")
}

// A program can put a link in the place of a directory that the user, or the user's environment, names in the next run. It opens
// no directory of programs that the user starts.
func TestALinkOpensNoPrograms(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(home, name) }
	for _, file := range []string{".local/bin/tool", "project/.git/HEAD", "src/real/.venv/bin/tool", "venv/bin/tool"} {
		writeFile(t, in(file), "")
	}
	for link, target := range map[string]string{"project/part": "../.local/bin", "project/.venv": "../.local", "linked": "src/real"} {
		if err := os.Symlink(target, in(link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, dir, venv, path string
		want                  bool // whether what the path names is protected
	}{
		{"nothing special", "project", "", ".local/bin", true},
		{"working there", ".local/bin", "", ".local/bin", false},
		{"working above", ".local", "", ".local/bin", false},
		{"working behind a link", "project/part", "", ".local/bin", true},
		{"an environment of Python", "project", "venv", "venv/bin", false},
		{"an environment that is a link", "project", "project/.venv", ".local/bin", true},
		{"a project that is a link", "linked", "linked/.venv", "linked/.venv/bin", false},
	} {
		v := View{Dir: in(tt.dir), UserHome: home, Environ: []string{"PATH=" + in(tt.path)}}
		if tt.venv != "" {
			v.Environ = append(v.Environ, "VIRTUAL_ENV="+in(tt.venv))
		}
		if got := slices.Contains(v.programDirs(), in(tt.path)); got != tt.want {
			t.Errorf("%s: protected is %v", tt.name, got)
		}
	}
}

func TestDirectoryOfAVariable(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(top, "real", "file"), "")
	for link, target := range map[string]string{"link": "real", "nowhere": filepath.Join(top, "none")} {
		if err := os.Symlink(target, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"link": "real", "nowhere": "none", "real/": "real", "new": "new"} {
		if got := directory([]string{"D=" + top + "/" + name}, "D"); got != filepath.Join(top, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, value := range []string{"", ".", "real"} {
		if got := directory([]string{"D=" + value}, "D"); got != "" {
			t.Errorf("%q: %q", value, got)
		}
	}
}
