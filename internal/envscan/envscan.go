// Package envscan finds the variables that programs read credentials from: in the environment, and in the .env files below
// a directory. Use [Files] and [Environment]. It knows nothing of providers.
package envscan

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"authsome"
)

// What bounds a search.
const (
	maxDepth    = 8       // directories below the first
	maxFiles    = 2000    // .env files
	maxFileSize = 1 << 20 // bytes
)

// Variable is a variable with the place where it was found.
type Variable struct {
	Name  string
	Value authsome.Secret
	File  string // empty: the environment
	Line  int    // counts from 1
}

// Environment returns the variables of a process's environment that have a value.
func Environment(environ []string) []Variable {
	var all []Variable
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" && value != "" {
			all = append(all, Variable{Name: name, Value: authsome.NewSecret(value)})
		}
	}
	return all
}

// Files returns the variables of every file below dir whose name is .env or begins with ".env.", except samples. It does
// not follow links, and leaves out directories of tools and of other people's code. Files that cannot be read are named in
// the error; the others count.
func Files(dir string) ([]Variable, error) {
	var all []Variable
	var problems []error
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			problems = append(problems, err)
			return fs.SkipDir
		case entry.IsDir() && path != dir && (isForeign(entry.Name()) || depth(dir, path) > maxDepth):
			return fs.SkipDir
		case !entry.Type().IsRegular() || !isDotenv(entry.Name()):
			return nil
		}
		if files++; files > maxFiles {
			return errors.New("there are too many .env files below " + dir)
		}
		found, err := readFile(path)
		if err != nil {
			problems = append(problems, err)
		}
		all = append(all, found...)
		return nil
	})
	return all, errors.Join(append(problems, err)...)
}

func readFile(path string) ([]Variable, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileSize {
		return nil, errors.New(path + " is too large for a file of variables")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := Parse(content)
	for i := range all {
		all[i].File = path
	}
	return all, nil
}

func depth(dir, path string) int {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return 0
	}
	return strings.Count(filepath.ToSlash(rel), "/") + 1
}

// isForeign knows directories that hold no settings of the person's own.
func isForeign(name string) bool {
	return slices.Contains([]string{".git", "node_modules", "vendor", ".venv", "venv", "__pycache__", ".cache", "target", "dist"}, name)
}

// isDotenv leaves out samples, which hold no secrets.
func isDotenv(name string) bool {
	if name != ".env" && name != ".envrc" && !strings.HasPrefix(name, ".env.") {
		return false
	}
	for _, sample := range []string{".example", ".sample", ".template", ".dist"} {
		if strings.HasSuffix(name, sample) {
			return false
		}
	}
	return true
}
