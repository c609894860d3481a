package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"authsome/internal/shell"
)

// What a home and everything in it is made with.
const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// fileProblem is one thing that is wrong with a file of the home.
type fileProblem struct {
	path    string
	message string
	mode    fs.FileMode // the one it should have; 0 if the mode is not what is wrong
	owner   bool        // it belongs to somebody else
}

// fileModes examines mode and owner of the home and of everything in it.
func (e *examination) fileModes() Check {
	const name = "file_modes"
	if !hasModes {
		return passed(name, "access is governed by access control lists here")
	}
	if info, err := os.Stat(e.Home); err == nil && !info.IsDir() { // somebody else's file: its mode is as it should be
		return failed(name, e.Home+" is not a directory", "")
	}
	problems, seen := walkHome(e.Home, os.Geteuid())
	switch {
	case len(problems) == 0 && seen == 0:
		return passed(name, "there are none yet")
	case len(problems) == 0:
		return passed(name, fmt.Sprintf("all %d files and directories are yours alone", seen))
	}
	return failed(name, describeFiles(e.Home, problems), mendFiles(e.Home, problems))
}

// walkHome lists what is wrong below home, which may be a link, and counts what it has seen. What a link points to is
// examined too, but not what lies below it.
func walkHome(home string, uid int) (problems []fileProblem, seen int) {
	root, err := filepath.EvalSymlinks(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0
	}
	if err != nil {
		return []fileProblem{{path: home, message: err.Error()}}, 0
	}
	_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error { // it returns what the function does: nil
		var info fs.FileInfo
		if err == nil {
			info, err = os.Stat(path)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone since, such as the files of a run
		case err != nil:
			problems = append(problems, fileProblem{path: path, message: err.Error()})
		default:
			seen++
			problems = append(problems, examineFile(path, info, uid)...)
		}
		return nil
	})
	return problems, seen
}

func examineFile(path string, info fs.FileInfo, uid int) (problems []fileProblem) {
	want := fileMode
	if info.IsDir() {
		want = dirMode
	}
	if mode := info.Mode().Perm(); mode != want {
		problems = append(problems, fileProblem{
			path: path, message: fmt.Sprintf("has mode %04o, not %04o", mode, want), mode: want,
		})
	}
	if owner, known := ownerOf(info); known && owner != uid {
		problems = append(problems, fileProblem{
			path: path, message: fmt.Sprintf("belongs to user %d, not to you (%d)", owner, uid), owner: true,
		})
	}
	return problems
}

// fewFiles is how many files are named one by one.
const fewFiles = 10

func describeFiles(home string, problems []fileProblem) string {
	var lines []string
	for i, p := range problems {
		if i == fewFiles {
			lines = append(lines, fmt.Sprintf("and %d more in %s", len(problems)-i, home))
			break
		}
		lines = append(lines, p.path+" "+p.message)
	}
	return strings.Join(lines, "\n")
}

// mendFiles returns the commands that set everything right.
func mendFiles(home string, problems []fileProblem) string {
	var dirs, files []string
	foreign := false
	for _, p := range problems {
		foreign = foreign || p.owner
		switch p.mode {
		case dirMode:
			dirs = append(dirs, shell.Word(p.path))
		case fileMode:
			files = append(files, shell.Word(p.path))
		}
	}
	var commands []string
	if foreign {
		commands = append(commands, `sudo chown -R "$(id -u):$(id -g)" `+shell.Word(home))
	}
	if len(dirs)+len(files) > fewFiles {
		// The slash follows a home that is a link; \; opens each directory before find descends into it.
		commands = append(commands, fmt.Sprintf(`find %[1]s/ -type d -exec chmod %[2]o {} \; && `+
			`find %[1]s/ ! -type d ! -type l -exec chmod %[3]o {} +`, shell.Word(home), dirMode, fileMode))
		return strings.Join(commands, " && ")
	}
	if len(dirs) > 0 {
		commands = append(commands, fmt.Sprintf("chmod %o %s", dirMode, strings.Join(dirs, " ")))
	}
	if len(files) > 0 {
		commands = append(commands, fmt.Sprintf("chmod %o %s", fileMode, strings.Join(files, " ")))
	}
	return strings.Join(commands, " && ")
}
