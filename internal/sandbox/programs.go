package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// searched are the directories of PATH.
func searched(v View) []string {
	var all []string
	for _, dir := range filepath.SplitList(variable(v.Environ, "PATH")) {
		if filepath.IsAbs(dir) {
			all = append(all, filepath.Clean(dir))
		}
	}
	return all
}

func variable(environ []string, name string) string {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// ownFiles are what authsome runs outside, in this run or the next: this executable, what is installed along with it, and what
// the person has it run. Whoever changes one of them is asked for keys.
func (v *View) ownFiles() []string {
	var all []string
	if self, err := os.Executable(); err == nil && !slices.Contains(v.Write, self) {
		all = append(append(all, self), companions(self)...)
	}
	for _, word := range v.Runs {
		if path, err := exec.LookPath(word); err == nil {
			word = path
		}
		if info, err := os.Stat(word); err == nil && filepath.IsAbs(word) && info.Mode().IsRegular() {
			all = append(all, filepath.Clean(word))
		}
	}
	return all
}

// companions are the programs beside this one whose names begin with its own: the ones that it looks for there.
func companions(self string) []string {
	entries, _ := os.ReadDir(filepath.Dir(self))
	var all []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(self)+"-") {
			all = append(all, filepath.Join(filepath.Dir(self), e.Name()))
		}
	}
	return all
}

// programDirs are the directories of the user's home in which programs are looked for, whether they are there or not: those
// of PATH, and the one of authsome itself. Those of the project are the program's own, and so are those that a person has
// opened, or has made for an environment of Python, which is there to have things installed.
func (v *View) programDirs() []string {
	home := resolved(v.UserHome)
	real, loose := v.opened()
	dirs := searched(*v)
	if self, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(self))
	}
	return slices.DeleteFunc(dirs, func(dir string) bool {
		target := resolved(dir)
		return target == home || !within(target, home) || v.open(real, target) || v.open(loose, dir)
	})
}

// opened lists the directories that are open, without links. Loose are those that a link leads to which a program in an earlier box
// could have made, by the name of the link: that opens nothing else, since who works in a project need not mean the directory that a
// part of it leads to.
func (v *View) opened() (real, loose []string) {
	environments := []string{v.Dir, variable(v.Environ, "VIRTUAL_ENV"), variable(v.Environ, "CONDA_PREFIX")}
	for _, path := range slices.Concat(v.project(), environments, v.Write) {
		switch {
		case !filepath.IsAbs(path):
		case len(v.looseLinks(path)) == 0:
			real = append(real, resolved(path))
		default:
			loose = append(loose, filepath.Clean(path))
		}
	}
	return real, loose
}

// open reports whether a directory of programs lies in one of those that are open, or the other way round.
func (v *View) open(paths []string, dir string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		return within(path, dir) || within(dir, path) && !within(v.UserHome, path) && !within(resolved(v.UserHome), path)
	})
}
