//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// state is what authsome keeps outside of its home.
func (w world) state() string { return filepath.Join(w.User, ".local/state/authsome") }

// laterAttacks change what counts outside of the box, or is run there.
func laterAttacks() []attack {
	in := func(name string, do func(path string) error) func(w world) error {
		return func(w world) error { return do(filepath.Join(w.User, name)) }
	}
	return []attack{
		{name: "move the home of authsome", run: in(inHome, move)},
		{name: "move what the home of authsome lies in", run: in(filepath.Dir(inHome), move)},
		{name: "move what that lies in", run: in(".config", move)},
		{name: "read the marks", run: in(".local/state/authsome/marks/mark", readSecret)},
		{name: "write a mark", run: in(".local/state/authsome/other", write)},
		{name: "move what the marks lie in", run: in(".local/state", move)},
		{name: "move a start file", run: in(".bashrc", move)},
		{name: "move what a start file lies in", run: in(".docker", move)},
		{name: "replace a link to a start file", run: in(".zshrc", move)},
		{name: "write through a link to a start file", run: in(".zshrc", write)},
		{name: "move what a link to a start file leads to", run: in("dotfiles", move)},
		{name: "replace a link to a start directory", run: in(".emacs.d", move)},
		{name: "write through a link to a start directory", run: in(".emacs.d/init.el", write)},
		{name: "read through a link to what is hidden", run: in("private/note", readSecret)},
		{name: "read where such a link leads", run: in("dotfiles/private/note", readSecret)},
		{name: "replace a link to what is hidden", run: in("private", move)},
		{name: "let oneself in by ssh", run: in(".ssh/authorized_keys", write)},
		{name: "put a program in the way", run: in(".local/bin/ls", write)},
		{name: "replace a program", run: in(".local/bin/tool", move)},
		{name: "move the directory of programs", run: in(".local/bin", move)},
		{name: "replace authsome", run: func(w world) error { return move(filepath.Join(w.Top, "bin", "program")) }},
		{name: "change authsome", run: func(w world) error { return os.Chmod(filepath.Join(w.Top, "bin", "program"), 0o755) }},
	}
}

// move moves something away and back.
func move(path string) error {
	if err := os.Rename(path, path+"-moved"); err != nil {
		return err
	}
	return os.Rename(path+"-moved", path)
}

// write writes to a file, which is made, and puts back what was there.
func write(path string) error {
	before, readErr := os.ReadFile(path)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("true"), 0o600))
	if err != nil {
		return err
	}
	if readErr != nil {
		return os.Remove(path)
	}
	return os.WriteFile(path, before, 0o600)
}

func TestLinksOf(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"a/b", "c"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"c/one": "../a", "two": top + "/c/one", "round": "round", "a/up": ".."} {
		if err := os.Symlink(target, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"a/b": "[]", "c/one/b": "[c/one]", "two/b/x": "[two c/one]", "a/up/two": "[a/up two c/one]", "a/up/c/../a": "[a/up]",
	} {
		got := []string{}
		for _, link := range linksOf(top + "/" + path) {
			name, _ := filepath.Rel(top, link)
			got = append(got, name)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", path, got, want)
		}
	}
	if n := len(linksOf(filepath.Join(top, "round"))); n != 40 {
		t.Errorf("%d", n)
	}
}
