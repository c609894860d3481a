//go:build amd64 || arm64

package sandbox

import (
	"os"
	"path/filepath"
	"strings"
)

// mounted is one line of proc_pid_mountinfo(5).
type mounted struct {
	device string // major:minor
	root   string // the directory of the file system that is mounted
	point  string // where
}

func readMounts() ([]mounted, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, attempt("list the mounts", err)
	}
	return parseMounts(string(table)), nil
}

// parseMounts reads mountinfo. Lines that it cannot read it passes over.
func parseMounts(table string) []mounted {
	var all []mounted
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 6 {
			continue
		}
		all = append(all, mounted{device: fields[2], root: unescape(fields[3]), point: unescape(fields[4])})
	}
	return all
}

// unescape undoes what the kernel does to blanks and backslashes: three octal digits.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#").Replace(s)
}

// aliases returns the other places at which path, or something in it, can be seen: where the same file system, or a part
// of it, is mounted as well. The list is not checked: at a place in it may be something else, which is mounted over it.
func aliases(all []mounted, path string) []string {
	var places []string
	for _, m := range all {
		if within(m.point, path) && m.point != path {
			places = append(places, aliasesOf(all, m, m.root, m.point)...) // a file system of its own in path
		}
	}
	at, found := mountOf(all, path)
	if !found {
		return places
	}
	return append(places, aliasesOf(all, at, filepath.Join(at.root, strings.TrimPrefix(path, at.point)), path)...)
}

// aliasesOf returns where else than at path the directory inner of a file system can be seen.
func aliasesOf(all []mounted, at mounted, inner, path string) []string {
	var places []string
	for _, m := range all {
		place := ""
		switch {
		case m.device != at.device:
			continue
		case within(inner, m.root):
			place = filepath.Join(m.point, strings.TrimPrefix(inner, m.root))
		case within(m.root, inner):
			place = m.point // a part of what is to be hidden
		}
		if place != "" && !within(place, path) {
			places = append(places, place)
		}
	}
	return places
}

// mountOf returns the mount that a path is on: the last of the longest.
func mountOf(all []mounted, path string) (at mounted, found bool) {
	for _, m := range all {
		if within(path, m.point) && (!found || len(m.point) >= len(at.point)) {
			at, found = m, true
		}
	}
	return at, found
}
