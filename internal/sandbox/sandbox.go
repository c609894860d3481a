package sandbox

import (
	"os"
	"path/filepath"
	"strings"

	"authsome"
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
	if link := v.looseLink(); link != "" {
		return &authsome.Error{
			Kind: authsome.KindUsage,
			Message: "the sandbox cannot fix the home of authsome, " + v.Home + ", in its place: the program could replace the " +
				"symbolic link " + link + ", which leads there",
			Hint: "export AUTHSOME_HOME=" + home,
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
	}
	return nil
}

// looseLink returns a symbolic link on the way to the home of authsome which the program may write to.
func (v *View) looseLink() string {
	dirs := append([]string{v.Dir, v.UserHome}, projectDirs(v.Dir)...)
	for _, link := range linksOf(v.Home) {
		for _, dir := range append(dirs, v.Write...) {
			if filepath.IsAbs(dir) && within(filepath.Dir(link), resolved(dir)) {
				return link
			}
		}
	}
	return ""
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
