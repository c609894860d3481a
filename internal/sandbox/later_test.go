package sandbox

import (
	"errors"
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
	write(".aws/config", "[default]\ncredential_process = x\n")
	if err := os.Remove(filepath.Join(home, "project/.git/hooks/post-merge")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, path := range before.Changed(v) {
		name, _ := filepath.Rel(home, path)
		got = append(got, filepath.ToSlash(name))
	}
	slices.Sort(got)
	if want := []string{".aws/config", ".zshenv", "project/.git/hooks/pre-push", "project/.vscode/tasks.json"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := printable(".config\x1b[2J"); strings.Contains(got, "\x1b") {
		t.Errorf("a terminal would obey %q", got)
	}
	// A configuration that is too large to be looked at is another one.
	write("project/.git/config", strings.Repeat("#\n", 1<<20))
	if got := before.Changed(v); !slices.Contains(got, filepath.Join(project, ".git/config")) {
		t.Errorf("%q", got)
	}
}

// A program may have git find its hooks elsewhere, or make a repository look like none.
func TestLaterFollowsARepository(t *testing.T) {
	write := func(path, content string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	hide := func(in func(string) string) error { return os.Rename(in(".git"), in("hidden")) }
	for name, tt := range map[string]struct {
		first, then func(in func(string) string) error
		want        []string
	}{
		"a link in place of HEAD": {
			then: func(in func(string) string) error {
				write(in(".git/hooks/pre-push"), "new")
				return errors.Join(os.Remove(in(".git/HEAD")), os.Symlink("refs/heads/main", in(".git/HEAD")))
			},
			want: []string{".git/hooks/pre-push"},
		},
		"a file that names it": {
			then: func(in func(string) string) error {
				err := hide(in)
				write(in(".git"), "gitdir: hidden\n")
				write(in("hidden/hooks/pre-push"), "new")
				return err
			},
			want: []string{".git", "hidden/hooks/pre-push"},
		},
		"a link to it": {
			then: func(in func(string) string) error { return errors.Join(hide(in), os.Symlink("hidden", in(".git"))) },
			want: []string{".git"},
		},
		"what it has in common": {
			then: func(in func(string) string) error {
				write(in(".git/commondir"), "../hidden\n")
				write(in("hidden/hooks/pre-push"), "new")
				return nil
			},
			want: []string{".git/commondir", "hidden/hooks/pre-push"},
		},
		"a repository without a tree": {
			then: func(in func(string) string) error {
				write(in("HEAD"), "ref: refs/heads/main")
				write(in("hooks/pre-push"), "new")
				return nil
			},
			want: []string{"hooks/pre-push"},
		},
		"a file that has named it before": {
			first: func(in func(string) string) error {
				err := hide(in)
				write(in(".git"), "gitdir: "+in("hidden")+"\n")
				return err
			},
			then: func(in func(string) string) error {
				write(in("hidden/config.worktree"), "[core]\nhooksPath = x\n")
				return nil
			},
			want: []string{"hidden/config.worktree"},
		},
	} {
		home := t.TempDir()
		in := func(name string) string { return filepath.Join(home, "project", name) }
		write(in(".git/HEAD"), "ref: refs/heads/main")
		if tt.first != nil {
			if err := tt.first(in); err != nil {
				t.Fatal(err)
			}
		}
		v := View{Dir: in(""), UserHome: home}
		before := LookAhead(v)
		if err := tt.then(in); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, path := range before.Changed(v) {
			rel, _ := filepath.Rel(in(""), path)
			got = append(got, filepath.ToSlash(rel))
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
