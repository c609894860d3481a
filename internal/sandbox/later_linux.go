//go:build amd64 || arm64

package sandbox

import (
	"os"
	"path/filepath"
	"slices"
)

// startFiles are what starts programs outside of the box from the files of a user's home, and exists or not; see
// [startNames]. Those that exist are read-only inside, unless one works on them.
func startFiles(v View) []string {
	var all []string
	for _, name := range startNames() {
		path := filepath.Join(v.UserHome, name)
		if !slices.ContainsFunc(append([]string{v.Dir}, v.Write...), func(dir string) bool { return within(dir, path) }) {
			all = append(all, path)
		}
	}
	return all
}

// programs are this executable, and the directories of the user's home in which a shell looks for programs: one that is
// put there is run outside the next time its name is typed. Those of the project are the program's own, and so are those
// that a person has opened, or has made for an environment of Python, which is there to have things installed.
func programs(v View, project []string) []string {
	var all []string
	if self, err := os.Executable(); err == nil && !slices.Contains(v.Write, self) {
		all = append(all, self)
	}
	home := resolved(v.UserHome)
	open := slices.Concat(project, []string{v.Dir, variable(v.Environ, "VIRTUAL_ENV"), variable(v.Environ, "CONDA_PREFIX")}, v.Write)
	for _, dir := range searched(v) {
		real := resolved(dir)
		own := slices.ContainsFunc(open, func(path string) bool {
			path = resolved(path)
			return within(path, real) || within(real, path) && !within(home, path)
		})
		if !own && real != home && within(real, home) {
			all = append(all, dir)
		}
	}
	return all
}

// makeHiddenDirs makes the directories that are empty for most and must not be made by the program: sshd lets in whoever is
// named there, at once, and the marks of authsome would be believed.
func makeHiddenDirs(v View) {
	for _, dir := range []string{filepath.Join(v.UserHome, ".ssh"), v.State} {
		if filepath.IsAbs(dir) && dir != "/.ssh" { // of somebody who has no home
			_ = os.MkdirAll(dir, 0o700) // where the user cannot, the program cannot
		}
	}
}
