//go:build amd64 || arm64

package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// isOwn reports whether a file belongs to the user.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

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

// makeMissingDirs makes the directories that are empty for most and must not be made by the program: sshd lets in whoever is
// named there, at once, the marks of authsome would be believed, and what lies in a directory of PATH is run by its name.
// Where more than the directory of PATH is missing, as of a tool that is not installed, it is left at that: see [LookAhead].
func makeMissingDirs(v View) {
	for _, dir := range []string{filepath.Join(v.UserHome, ".ssh"), v.State} {
		if filepath.IsAbs(dir) && dir != "/.ssh" { // of somebody who has no home
			_ = os.MkdirAll(dir, 0o700) // where the user cannot, the program cannot
		}
	}
	for _, dir := range v.programDirs() {
		_ = os.Mkdir(dir, 0o755)
	}
}
