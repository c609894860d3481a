package sandbox

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// startNames are the files and directories in a user's home from which shells, the session, ssh, mail, git, editors and
// other tools of the terminal start programs, without being told which, the next time the user does anything.
func startNames() []string {
	return []string{
		".profile", ".bashrc", ".bashrc.d", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".bash_completion", ".inputrc",
		".zshrc", ".zshenv", ".zprofile", ".zlogin", ".zlogout", ".config/zsh", ".config/fish", ".kshrc", ".cshrc", ".tcshrc", ".login",
		".oh-my-zsh", ".config/starship.toml", ".cargo/env", ".nvm/nvm.sh", ".direnvrc", ".config/direnv", ".config/mise",
		".xprofile", ".xsessionrc", ".xsession", ".xinitrc", ".pam_environment",
		".config/i3", ".config/sway", ".config/hypr", ".config/kitty", ".config/alacritty", ".config/wezterm", ".wezterm.lua",
		".config/autostart", ".config/systemd", ".config/environment.d", ".config/plasma-workspace",
		".local/share/systemd", ".local/share/dbus-1", ".local/share/applications",
		".ssh", ".gnupg", ".rhosts", ".shosts", ".k5login", ".forward", ".procmailrc",
		".gitconfig", ".config/git", ".docker/cli-plugins",
		".vimrc", ".gvimrc", ".vim", ".exrc", ".config/nvim", ".emacs", ".emacs.d", ".config/emacs",
		".config/Code/User", ".config/VSCodium/User", ".config/Cursor/User",
		".tmux.conf", ".config/tmux", ".screenrc", ".gdbinit", ".config/gdb", ".lldbinit",
	}
}

// toolNames are files in a user's home that make tools start programs, and that such tools, or agents, write themselves.
func toolNames() []string {
	return []string{
		".claude/settings.json", ".codex/config.toml", ".gemini/settings.json", ".cursor/mcp.json", ".config/gh/config.yml",
		".aws/config", ".kube/config", ".docker/config.json", ".cargo/config.toml", ".gradle/init.gradle", ".m2/settings.xml", ".npmrc",
		".vscode/extensions/extensions.json", ".vscode-server/extensions/extensions.json", ".cursor/extensions/extensions.json",
	}
}

// projectNames are files of a project that make a tool of a person's start programs when it is opened or entered. They
// belong to the project, which the program is there to change.
func projectNames() []string {
	return []string{
		".envrc", ".mise.toml", "mise.toml", ".mise.local.toml", "mise.local.toml", ".vscode/tasks.json", ".vscode/settings.json", ".vscode/launch.json", ".vscode/mcp.json",
		".idea/runConfigurations", ".devcontainer/devcontainer.json", ".devcontainer.json", ".mcp.json", ".cursor/mcp.json",
		".claude/settings.json", ".claude/settings.local.json", ".codex/config.toml", ".gemini/settings.json", ".zed/tasks.json", ".zed/settings.json",
		".exrc", ".nvimrc", ".nvim.lua", ".dir-locals.el",
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
	for _, name := range toolNames() {
		path := filepath.Join(v.UserHome, name)
		l.note(path, content(path))
	}
	for _, dir := range v.programDirs() {
		l.note(dir, presence(dir))
	}
	if self, err := os.Executable(); err == nil {
		for _, path := range companions(self) {
			l.note(path, content(path))
		}
	}
	for _, dir := range append(v.project(), v.Dir) {
		for _, name := range projectNames() {
			path := filepath.Join(dir, name)
			l.note(path, content(path))
		}
		git := filepath.Join(dir, ".git")
		l.note(git, elsewhere(git))
		for _, git := range gitDirs(dir) {
			l.noteGit(git)
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
	common := filepath.Join(dir, "commondir") // where hooks and configuration are instead
	l.note(common, content(common))
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
				all = append(all, printable(path))
				break
			}
		}
	}
	return all
}

// printable returns a path as it is, unless a program has put something into it that a terminal would obey.
func printable(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
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

// elsewhere tells apart what a repository is in place of a directory: a link, or a file that names one.
func elsewhere(path string) string {
	if info, err := os.Lstat(path); err != nil || info.IsDir() {
		return ""
	}
	return presence(path) + content(path)
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
func small(path string) ([]byte, bool) { return upTo(1<<20, path) }

// upTo returns what is in a file of at most so many bytes, and false for anything else: to read a pipe or a device would not end.
func upTo(most int64, path string) ([]byte, bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
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
		"update", "allow", "worktreeconfig", "smtpserver", "tunnel",
	}
}
