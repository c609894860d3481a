package sandbox

import (
	"os"
	"path/filepath"
	"strings"
)

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
