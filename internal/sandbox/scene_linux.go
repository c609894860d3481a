//go:build amd64 || arm64

package sandbox

import (
	"os"
	"path/filepath"
	"strings"
)

// newScene gathers what the first process must know and cannot find out inside.
func newScene(v View) (*scene, error) {
	sockets, err := boundSockets()
	if err != nil {
		return nil, err
	}
	project := projectDirs(v.Dir)
	s := &scene{
		Dir: text(v.Dir), UserHome: text(v.UserHome), Home: text(v.Home), Keep: text(v.Keep),
		Hide:     texts(append(keyrings(v), v.Hide...)),
		ReadOnly: texts(startFiles(v)),
		Write:    texts(append(project, v.Write...)),
		Runtime:  text(variable(v.Environ, "XDG_RUNTIME_DIR")), Temporary: text(variable(v.Environ, "TMPDIR")),
		Sockets: texts(sockets),
	}
	for _, dir := range filepath.SplitList(variable(v.Environ, "PATH")) {
		if filepath.IsAbs(dir) {
			s.Programs = append(s.Programs, text(filepath.Clean(dir)))
		}
	}
	return s, nil
}

func variable(environ []string, name string) string {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// keyrings are where the keys of a user lie on disk, for the Secret Service, KWallet and gpg.
func keyrings(v View) []string {
	data := []string{filepath.Join(v.UserHome, ".local/share")}
	if dir := variable(v.Environ, "XDG_DATA_HOME"); filepath.IsAbs(dir) {
		data = append(data, dir)
	}
	var all []string
	for _, dir := range data {
		all = append(all, filepath.Join(dir, "keyrings"), filepath.Join(dir, "kwalletd"))
	}
	gpg := filepath.Join(v.UserHome, ".gnupg")
	if dir := variable(v.Environ, "GNUPGHOME"); filepath.IsAbs(dir) {
		gpg = dir
	}
	return append(all, filepath.Join(gpg, "private-keys-v1.d"))
}

// startFiles are what shells, the session, ssh and gpg start programs from, outside of the box, the next time the user
// does anything. Those that exist are read-only inside, unless one works on them.
func startFiles(v View) []string {
	var all []string
	for _, name := range []string{
		".profile", ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases",
		".zshrc", ".zshenv", ".zprofile", ".zlogin", ".zlogout", ".config/fish",
		".xprofile", ".xsessionrc", ".xinitrc", ".pam_environment",
		".config/autostart", ".config/systemd", ".config/environment.d", ".ssh", ".gnupg",
	} {
		path := filepath.Join(v.UserHome, name)
		wanted := within(v.Dir, path)
		for _, dir := range v.Write {
			wanted = wanted || within(dir, path)
		}
		if !wanted {
			all = append(all, path)
		}
	}
	return all
}

// projectDirs returns the top of the repository that dir lies in and, if that is a working tree of a repository
// elsewhere, the repository: git writes to them wherever in the tree it is called.
func projectDirs(dir string) []string {
	for top := dir; top != "/" && top != "."; top = filepath.Dir(top) {
		git := filepath.Join(top, ".git")
		info, err := os.Lstat(git)
		switch {
		case err != nil:
			continue
		case info.IsDir():
			return []string{top}
		default:
			return append([]string{top}, repository(git)...)
		}
	}
	return nil
}

// repository returns the repository of a working tree that lies elsewhere, whose file .git is given; see
// gitrepository-layout(5). What the tree says of itself is not enough: a program in an earlier box may have written that,
// to have more opened to the next one. The repository must know the tree, in a place that belongs to it.
func repository(file string) []string {
	dir, ok := strings.CutPrefix(lineOf(file), "gitdir: ")
	if !ok {
		return nil
	}
	dir = resolved(from(filepath.Dir(file), dir))
	tree, common := lineOf(filepath.Join(dir, "gitdir")), lineOf(filepath.Join(dir, "commondir"))
	if tree == "" || common == "" || resolved(from(dir, tree)) != resolved(file) {
		return nil // or a submodule, whose repository lies in the one above
	}
	path := resolved(from(dir, common))
	if filepath.Join(path, "worktrees", filepath.Base(dir)) != dir {
		return nil
	}
	return []string{path}
}

// lineOf returns what a small file holds, and nothing of anything else: to read a pipe or a device would not end.
func lineOf(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 16<<10 {
		return ""
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

// from returns a path that may be relative to a directory.
func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
