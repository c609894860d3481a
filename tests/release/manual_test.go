package release

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What each shell runs to say what it would complete "authsome logo" to; $1 is the completion script. The shells' own
// machinery is at work, as for a person.
var shells = map[string]string{
	"bash": `
		. /usr/share/bash-completion/bash_completion
		. "$1"
		compopt() { :; } # bash allows it only while it completes
		COMP_LINE="authsome logo" COMP_POINT=13 COMP_WORDS=(authsome logo) COMP_CWORD=1 COMP_TYPE=9
		complete -p authsome && __start_authsome && printf '%s\n' "${COMPREPLY[@]}"`,
	"fish": `
		source $argv[2]
		complete -C 'authsome logo'`,
	"zsh": `
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell "PROMPT=; fpath=(${1:h} \$fpath); autoload -Uz compinit; compinit -u -D; echo READ''Y"
		while zpty -r shell line; do [[ $line == *READY* ]] && break; done
		zpty -n -w shell $'authsome logo\t'
		for i in {1..300}; do zpty -r -t shell chunk && got+=$chunk; [[ $got == *logout* ]] && break; sleep 0.1; done
		print -r -- $got
		zpty -d shell`,
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	dir := manual(t)
	for shell, script := range shells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			need(t, shell)
			if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); err != nil && shell == "bash" {
				t.Skip("bash-completion is not installed")
			}
			// zsh looks for a file of this name.
			place := filepath.Join(t.TempDir(), "_authsome")
			if err := os.Link(filepath.Join(dir, "completions", "authsome."+shell), place); err != nil {
				t.Fatal(err)
			}
			home := t.TempDir()
			env := append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+home, "AUTHSOME_HOME="+filepath.Join(home, "a"), "TERM=dumb")
			args := map[string][]string{"bash": {"--norc", "-c"}, "fish": {"--no-config", "-c"}, "zsh": {"-f", "-c"}}[shell]
			out := string(command(t, env, home, shell, append(args, script, "authsome", place)...))
			if !strings.Contains(out, "logout") {
				t.Errorf("%s does not complete authsome logo:\n%s", shell, out)
			}
		})
	}
}

func TestManualPagesAreWellFormed(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(manual(t), "man", "*.1"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for checker, args := range map[string][]string{"mandoc": {"-Tlint", "-W", "warning"}, "groff": {"-man", "-ww", "-z", "-rLL=78n"}} {
		t.Run(checker, func(t *testing.T) {
			t.Parallel()
			need(t, checker)
			for _, page := range pages {
				if out, err := exec.Command(checker, append(args, page)...).CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("%s: %v\n%s", filepath.Base(page), err, out)
				}
			}
		})
	}
}

// manual builds the program and what is packaged with it, in one directory.
func manual(t *testing.T) string {
	t.Helper()
	dir, root := t.TempDir(), filepath.Join("..", "..")
	command(t, plain(os.Environ()), root, "go", "build", "-trimpath", "-buildvcs=false", "-o", dir+string(filepath.Separator), "./cmd/authsome", "./internal/release/manual")
	command(t, plain(os.Environ()), root, filepath.Join(dir, "manual"), dir)
	return dir
}

// need skips a test without a program.
func need(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(name + " is not installed")
	}
}

// wantFiles compares the files below a directory with what is to be there.
func wantFiles(t *testing.T, root string, want map[string]os.FileMode) {
	t.Helper()
	got := make(map[string]os.FileMode)
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err == nil && !info.IsDir() {
			got[name] = info.Mode()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the files are\n%v, not\n%v", got, want)
	}
}
