package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRunning(t *testing.T) {
	tests := map[string]string{
		"[core]\n\tbare = false\n\tFsMonitor = ./x\n":                                 "core]FsMonitor = ./x",
		"[core] hooksPath=x\n":                                                        "core][core] hooksPath=x",
		"[alias]\n\tst = !sh\n[user]\n\tname = a program\n":                           "alias]st = !sh",
		"[remote \"helper\"]\n\turl = https://h.test/pager\n\tfetch = +refs/*:refs/*": "",
		"[branch \"path\"]\n\tmerge = refs/heads/path\n":                              "",
		"[filter \"x\"]\n\tclean\n":                                                   "filter \"x\"]clean",
		"[includeIf \"gitdir:x\"]\n\tpath = y":                                        "includeif \"gitdir:x\"]path = y",
	}
	for config, want := range tests {
		if got := strings.Join(running([]byte(config)), "\n"); got != want {
			t.Errorf("%q: %q, want %q", config, got, want)
		}
	}
}

func FuzzRunning(f *testing.F) {
	f.Add("[core]\n\tfsmonitor = x\n")
	f.Fuzz(func(t *testing.T, config string) {
		if strings.ContainsAny(config, "=[]\n") {
			running([]byte(config)) // does not panic
			return
		}
		if got := running([]byte(config + "\ncore.fsmonitor\n")); len(got) == 0 {
			t.Errorf("%q hides a key on the next line", config)
		}
	})
}

func TestLaterIsWhatIsNewOrAnother(t *testing.T) {
	home := t.TempDir()
	project := filepath.Join(home, "project")
	write := func(name, content string) {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(".bashrc", "old")
	write("project/.git/HEAD", "ref: refs/heads/main")
	write("project/.git/config", "[core]\n\tpager = less\n\tsshCommand = x\n")
	write("project/.git/hooks/pre-push", "old")
	write("project/.git/hooks/post-merge", "old")
	write("project/.vscode/tasks.json", "{}")
	v := View{Dir: project, UserHome: home}
	before := LookAhead(v)
	if got := before.Changed(v); len(got) != 0 {
		t.Errorf("nothing has changed: %q", got)
	}
	write(".bashrc", "by somebody outside: it is read-only inside")
	write("project/.git/config", "[core]\n\tpager = less\n[user]\n\tname = me\n")
	write("project/.git/hooks/pre-push", "new")
	write("project/.git/hooks/x.sample", "new")
	write("project/.git/hooks/no\x1b[2J", "new")
	write("project/.vscode/tasks.json", `{"tasks":[]}`)
	write(".zshenv", "new")
	if err := os.Remove(filepath.Join(home, "project/.git/hooks/post-merge")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, path := range before.Changed(v) {
		name, _ := filepath.Rel(home, path)
		got = append(got, filepath.ToSlash(name))
	}
	slices.Sort(got)
	if want := []string{".zshenv", "project/.git/hooks/pre-push", "project/.vscode/tasks.json"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// A configuration that is too large to be looked at is another one.
	write("project/.git/config", strings.Repeat("#\n", 1<<20))
	if got := before.Changed(v); !slices.Contains(got, filepath.Join(project, ".git/config")) {
		t.Errorf("%q", got)
	}
}
