package sandbox

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// startNames are the files and directories in a user's home from which shells, the session, ssh, mail, git, editors and
// other tools of the terminal start programs, without being told which, the next time the user does anything.
func startNames() []string {
	return []string{
		".profile", ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".bash_completion",
		".zshrc", ".zshenv", ".zprofile", ".zlogin", ".zlogout", ".config/zsh", ".config/fish", ".kshrc", ".cshrc", ".tcshrc", ".login",
		".cargo/env", ".nvm/nvm.sh", ".direnvrc", ".config/direnv", ".config/mise",
		".xprofile", ".xsessionrc", ".xsession", ".xinitrc", ".pam_environment",
		".config/autostart", ".config/systemd", ".config/environment.d", ".config/plasma-workspace",
		".local/share/systemd", ".local/share/dbus-1", ".local/share/applications",
		".ssh", ".gnupg", ".rhosts", ".shosts", ".k5login", ".forward", ".procmailrc",
		".gitconfig", ".config/git", ".docker/cli-plugins",
		".vimrc", ".gvimrc", ".vim", ".exrc", ".config/nvim", ".emacs", ".emacs.d", ".config/emacs", ".config/Code/User",
		".tmux.conf", ".config/tmux", ".screenrc", ".gdbinit", ".config/gdb", ".lldbinit",
	}
}

// projectNames are files of a project that make a tool of a person's start programs when it is opened or entered. They
// belong to the project, which the program is there to change.
func projectNames() []string {
	return []string{
		".envrc", ".mise.toml", "mise.toml", ".vscode/tasks.json", ".vscode/settings.json", ".vscode/launch.json", ".vscode/mcp.json",
		".idea/runConfigurations", ".devcontainer/devcontainer.json", ".devcontainer.json", ".mcp.json", ".cursor/mcp.json",
		".claude/settings.json", ".exrc", ".nvimrc", ".dir-locals.el",
	}
}

// Later is what would run outside of a box after it, from what may be written in it, as it was at one moment.
type Later struct {
	paths  []string
	stamps map[string]string // lines, each of which is something that runs
}

// LookAhead notes what there is.
func LookAhead(v View) *Later {
	l := &Later{stamps: make(map[string]string)}
	for _, name := range append(startNames(), "bin", ".local/bin") {
		path := filepath.Join(v.UserHome, name)
		l.note(path, presence(path))
	}
	for _, dir := range append(projectDirs(v.Dir), v.Dir) {
		for _, name := range projectNames() {
			path := filepath.Join(dir, name)
			l.note(path, content(path))
		}
		for _, git := range []string{filepath.Join(dir, ".git"), dir} {
			if info, err := os.Lstat(filepath.Join(git, "HEAD")); err == nil && info.Mode().IsRegular() {
				l.noteGit(git)
			}
		}
	}
	return l
}

func (l *Later) note(path, stamp string) {
	if _, known := l.stamps[path]; !known {
		l.paths = append(l.paths, path)
	}
	l.stamps[path] = stamp
}

// noteGit notes what git runs of a repository: its hooks, and what its configuration names.
func (l *Later) noteGit(dir string) {
	hooks, _ := os.ReadDir(filepath.Join(dir, "hooks"))
	for _, h := range hooks {
		if isHook(h.Name()) {
			path := filepath.Join(dir, "hooks", h.Name())
			l.note(path, content(path))
		}
	}
	for _, name := range []string{"config", "config.worktree"} {
		path := filepath.Join(dir, name)
		if config, ok := small(path); ok {
			l.note(path, strings.Join(running(config), "\n"))
		} else {
			l.note(path, content(path))
		}
	}
}

// isHook reports whether a name is one that git could have for a hook, of which there are more in each version.
func isHook(name string) bool {
	return strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Changed returns the paths of what is new or another since l was made, and would run outside. What is gone runs nothing.
func (l *Later) Changed(v View) []string {
	now := LookAhead(v)
	var all []string
	for _, path := range now.paths {
		before := strings.Split(l.stamps[path], "\n")
		for line := range strings.SplitSeq(now.stamps[path], "\n") {
			if line != "" && !slices.Contains(before, line) {
				all = append(all, path)
				break
			}
		}
	}
	return all
}

// presence says whether there is something that is fixed in the box if there is, or where a link leads, which is not always.
func presence(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return ""
	}
	target, _ := os.Readlink(path)
	return info.Mode().Type().String() + target
}

// content tells two contents of a file apart.
func content(path string) string {
	if b, ok := small(path); ok {
		return fmt.Sprintf("%x", sha256.Sum256(b))
	}
	info, err := os.Lstat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
}

// small returns what is in a file that a person could have written, and false for anything else.
func small(path string) ([]byte, bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil, false
	}
	b, err := os.ReadFile(path)
	return b, err == nil
}

// running returns the lines of git's configuration whose key may name a program to run, or where more such lines stand. A key
// is written in letters of either case and on one line, with what begins its section before it or above.
func running(config []byte) []string {
	var all []string
	section := ""
	for line := range bytes.Lines(config) {
		key, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(string(line))), "=")
		if header, ok := strings.CutPrefix(key, "["); ok {
			section, key, _ = strings.Cut(header, "]")
		}
		if key != "" && (strings.HasPrefix(section, "alias") || section == "pager") || slices.ContainsFunc(runningKeys(), func(word string) bool {
			return strings.Contains(key, word)
		}) {
			all = append(all, section+"]"+strings.TrimSpace(string(line)))
		}
	}
	return all
}

func runningKeys() []string {
	return []string{
		"hookspath", "fsmonitor", "command", "cmd", "pager", "editor", "askpass", "program", "helper", "textconv", "external",
		"clean", "smudge", "process", "driver", "filter", "path", "gitproxy", "uploadpack", "receivepack", "templatedir", "vcs",
		"update", "allow", "worktreeconfig",
	}
}
