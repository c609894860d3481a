package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// projectDirs returns the top of the repository that dir lies in and, if that is a working tree of a repository
// elsewhere, the repository: git writes to them wherever in the tree it is called. Open are directories that the program of
// an earlier box may have written to besides.
func projectDirs(dir string, open ...string) []string {
	for top := dir; top != "/" && top != "."; top = filepath.Dir(top) {
		info, err := os.Lstat(filepath.Join(top, ".git"))
		switch {
		case err != nil:
			continue
		case info.IsDir():
			return []string{top}
		default:
			return append([]string{top}, repository(resolved(top), open)...)
		}
	}
	return nil
}

// repository returns the repository of a working tree that lies elsewhere, whose top is given, without links; see
// gitrepository-layout(5). What the tree says of itself is not enough: a program in an earlier box may have written that,
// to have more opened to the next one. The repository must know the tree, in a place that belongs to it, and that by the
// path that git has for it: one that leads through links may lead elsewhere now.
func repository(top string, open []string) []string {
	dir, ok := strings.CutPrefix(lineOf(filepath.Join(top, ".git")), "gitdir: ")
	if !ok {
		return nil
	}
	dir = resolved(from(top, dir))
	tree, common := lineOf(filepath.Join(dir, "gitdir")), lineOf(filepath.Join(dir, "commondir"))
	if tree == "" || common == "" || from(dir, tree) != filepath.Join(top, ".git") {
		return nil // or a submodule, whose repository lies in the one above
	}
	path := resolved(from(dir, common))
	if filepath.Join(path, "worktrees", filepath.Base(dir)) != dir || !isRepository(path) {
		return nil
	}
	// What lies in an open directory says what the program likes, also of what is around that directory.
	if slices.ContainsFunc(append(open, top), func(open string) bool {
		open = resolved(open)
		return within(dir, open) && !within(path, open)
	}) {
		return nil
	}
	return []string{path}
}

// isRepository reports whether a directory has what git asks of one.
func isRepository(path string) bool {
	return !slices.ContainsFunc([]string{"HEAD", "objects", "refs"}, func(name string) bool {
		_, err := os.Lstat(filepath.Join(path, name))
		return err != nil
	})
}

// gitDirs lists where git may find hooks and configuration for a directory that it is called in: in the repository that it is
// itself, in .git, where a file of that name says, and in what these say to have in common with others.
func gitDirs(dir string) []string {
	git := filepath.Join(dir, ".git")
	all := []string{git}
	if _, err := os.Lstat(filepath.Join(dir, "HEAD")); err == nil {
		all = append(all, dir)
	}
	if other, ok := strings.CutPrefix(lineOf(git), "gitdir: "); ok {
		all = append(all, from(dir, other))
	}
	for _, d := range slices.Clone(all) {
		if common := lineOf(filepath.Join(d, "commondir")); common != "" {
			all = append(all, from(d, common))
		}
	}
	return all
}

// lineOf returns what a file of one line holds, and nothing of anything else.
func lineOf(path string) string {
	content, _ := upTo(16<<10, path)
	return strings.TrimSpace(string(content))
}

// from returns a path that may be relative to a directory.
func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
