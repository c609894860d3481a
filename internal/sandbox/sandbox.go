package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"authsome"
	"authsome/internal/shell"
)

// Command is the first argument of the program that sets up a box.
const Command = "__sandbox"

// Marker is the name of the file that stands in for everything in a home that is hidden.
const Marker = ".hidden-by-authsome-run"

// Config is what a box is made of. The zero value works.
type Config struct {
	// Program is the executable that calls [Main]; this one, with [Command] as its argument, if empty.
	Program []string
	// Stdin, Stdout and Stderr are those of the program to be run; our own if nil.
	Stdin, Stdout, Stderr *os.File
}

// View is what can be seen and written in a box. Paths are absolute.
type View struct {
	Dir      string   // the working directory, writable
	UserHome string   // the user's home, writable but for what others start programs from
	Home     string   // the home of authsome: hidden
	Keep     string   // the one directory in Home that is to be seen, read-only
	State    string   // what authsome keeps outside of its home, hidden as well; may be empty
	Hide     []string // further files and directories to hide
	Write    []string // further directories to write to
	Runs     []string // what authsome runs outside: programs, by path or name, and files that they are given; not to be written to
	Environ  []string // of the program: where it looks for programs and for temporary files
}

// Hidden reports whether home is one that a sandbox hides from this process.
func Hidden(home string) bool {
	_, err := os.Lstat(filepath.Join(home, Marker))
	return err == nil
}

// Check refuses what could not be hidden without hiding what is needed, and what must not be written to.
func (v *View) Check() error {
	home := resolved(v.Home)
	for _, needed := range []struct{ path, what string }{
		{v.UserHome, "your home directory"}, {v.Dir, "the working directory"},
	} {
		if needed.path != "" && within(resolved(needed.path), home) {
			return &authsome.Error{
				Kind: authsome.KindUsage,
				Message: "the sandbox cannot hide the home of authsome, " + v.Home + ": " + needed.what + ", " + needed.path +
					", lies in it",
				Hint: "run it elsewhere, or set AUTHSOME_HOME to a directory of its own",
			}
		}
	}
	if link := first(v.looseLinks(v.Home)); link != "" {
		return &authsome.Error{
			Kind: authsome.KindUsage,
			Message: "the sandbox cannot fix the home of authsome, " + v.Home + ", in its place: the program could replace the " +
				"symbolic link " + link + ", which leads there",
			Hint: "export AUTHSOME_HOME=" + shell.Word(home),
		}
	}
	for _, path := range v.Write {
		switch real := resolved(path); {
		case within(home, real) && real == "/", within(real, home), isSystem(real):
			return &authsome.Error{
				Kind: authsome.KindUsage, Message: "the sandbox does not allow writing to " + path,
				Hint: "name the directory that is needed with --sandbox-write",
			}
		}
		if link := first(v.plantedLinks(path)); link != "" {
			return &authsome.Error{
				Kind: authsome.KindUsage,
				Message: "the sandbox does not allow writing to " + path + ": the symbolic link " + link + " leads there, and a " +
					"program in an earlier sandbox could have made it",
				Hint: "--sandbox-write " + resolved(path) + ", if that is what you mean",
			}
		}
	}
	return nil
}

// project is what belongs to the working directory: see [projectDirs].
func (v *View) project() []string {
	return projectDirs(v.Dir, append([]string{v.UserHome}, v.Write...)...)
}

// looseLinks lists the symbolic links on the way to a path that the program could replace.
func (v *View) looseLinks(path string) []string {
	var loose []string
	dirs := slices.Concat([]string{v.Dir, v.UserHome}, v.project(), v.Write)
	for _, link := range linksOf(path) {
		if slices.ContainsFunc(dirs, func(dir string) bool {
			return filepath.IsAbs(dir) && within(filepath.Dir(link), resolved(dir))
		}) {
			loose = append(loose, link)
		}
	}
	return loose
}

// plantedLinks lists the symbolic links on the way to a path that a program could have made which worked here or elsewhere. By what
// links the user's home and the working directory are reached is nothing to be asked again.
func (v *View) plantedLinks(path string) []string {
	for _, known := range []string{v.Dir, v.UserHome} {
		if filepath.IsAbs(known) && within(path, known) {
			path = filepath.Join(resolved(known), strings.TrimPrefix(path, known))
			break
		}
	}
	planted := v.looseLinks(path)
	for _, link := range linksOf(path) {
		if info, err := os.Lstat(link); err == nil && isOwn(info) {
			planted = append(planted, link)
		}
	}
	return planted
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// isSystem reports whether a directory is one through which a program could reach out of the box.
func isSystem(path string) bool {
	switch path {
	case "/", "/run", "/var/run", "/dev":
		return true
	}
	return within(path, "/proc") || within(path, "/sys")
}

// within reports whether path is dir or lies in it. Both are clean.
func within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

// resolved follows the symbolic links of as much of a path as there is.
func resolved(path string) string {
	path = filepath.Clean(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(resolved(parent), filepath.Base(path))
	}
	return path
}

// linksOf lists the symbolic links that a path leads through, each where it lies itself.
func linksOf(path string) []string {
	var links []string
	at, left := "/", strings.Split(filepath.Clean(path), "/")
	for len(left) > 0 && len(links) < 40 { // as many as the kernel follows
		name := left[0]
		left = left[1:]
		next := filepath.Join(at, name) // also for "..", as no link is left in at
		target, err := os.Readlink(next)
		if err != nil {
			at = next
			continue
		}
		links = append(links, next)
		left = append(strings.Split(target, "/"), left...)
		if filepath.IsAbs(target) {
			at = "/"
		}
	}
	return links
}

// Feature is one thing that the kernel must have.
type Feature struct {
	Name   string // one word
	OK     bool
	Detail string // what there is, or why not
	Hint   string // what to do, if anything
}

const unavailable = "the sandbox is not available: "

// unsupported is the error of a machine that cannot have a sandbox.
func unsupported(why, hint string) error {
	return &authsome.Error{
		Kind: authsome.KindInternal, Message: unavailable + why, Hint: hint, Reason: "sandbox unavailable",
	}
}
