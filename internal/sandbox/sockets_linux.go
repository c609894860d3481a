//go:build amd64 || arm64

package sandbox

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// reachableSockets lists the sockets of programs outside, each wherever it can be seen: those that the kernel tells, and those that
// are mounted or that the environment names. A program of another container may have bound them, of which the kernel tells
// nothing here.
func reachableSockets(v View) ([]string, error) {
	all, err := boundSockets()
	if err != nil {
		return nil, err
	}
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	for _, m := range mounts {
		if m.root != "/" && isSocket(m.point) { // and no whole file system, whose server may not answer
			all = append(all, m.point)
		}
	}
	all = compacted(append(all, namedSockets(v.Environ)...))
	for _, path := range slices.Clone(all) {
		for _, alias := range aliases(mounts, resolved(path)) {
			if isSocket(alias) {
				all = append(all, alias)
			}
		}
	}
	return compacted(all), nil
}

// namedSockets lists the sockets that variables name, in whatever way (unix:///run/docker.sock, unix:path=/run/bus,guid=0,
// /tmp/tmux-0/default,1,0).
func namedSockets(environ []string) []string {
	var all []string
	for _, entry := range environ {
		_, value, _ := strings.Cut(entry, "=")
		words := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(":=,; ", r) })
		for _, word := range append(words, value) {
			if path := resolved(word); filepath.IsAbs(word) && isSocket(path) {
				all = append(all, path)
			}
		}
	}
	return all
}

func isSocket(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == fs.ModeSocket
}

// boundSockets lists the paths at which programs listen, or have listened, for Unix sockets. The kernel tells the name that
// a socket was bound to, in one table for each network. Of programs that give it another name then (ssh, for the one that
// others share a connection by), or bind it by a relative one (git, where the path is long), it tells that, so that the
// directories it was bound in are looked through, too.
func boundSockets() ([]string, error) {
	tables, err := socketTables()
	if err != nil {
		return nil, err
	}
	var names, sockets []string
	for _, table := range tables {
		names = append(names, socketNames(table)...)
	}
	names = compacted(names)
	working := workingDirs(names)
	var dirs []string
	for _, name := range names {
		if filepath.IsAbs(name) {
			sockets, dirs = append(sockets, name), append(dirs, filepath.Dir(name))
			continue
		}
		for _, dir := range working {
			dirs = append(dirs, filepath.Dir(filepath.Join(dir, name)))
		}
	}
	for _, dir := range compacted(dirs) {
		sockets = append(sockets, socketsIn(dir)...)
	}
	return compacted(sockets), nil
}

func compacted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// socketTables reads the table of this network, and those of all others that a process is in: a socket in the file system
// can be reached from every network.
func socketTables() ([][]byte, error) {
	own, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, attempt("list the sockets of this machine", err)
	}
	tables, seen := [][]byte{own}, []uint64{inodeOf("/proc/net/unix")}
	others, _ := filepath.Glob("/proc/[0-9]*/net/unix")
	for _, path := range others {
		inode := inodeOf(path)
		if slices.Contains(seen, inode) {
			continue
		}
		seen = append(seen, inode)
		if table, err := os.ReadFile(path); err == nil { // its process may have ended
			tables = append(tables, table)
		}
	}
	return tables, nil
}

// inodeOf tells the tables of networks apart.
func inodeOf(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Sys().(*syscall.Stat_t).Ino //nolint:forcetypeassert // of this system
}

// workingDirs lists where the processes work whose names these may be. Those of others cannot be looked up, and their sockets
// are out of reach, mostly.
func workingDirs(names []string) []string {
	if !slices.ContainsFunc(names, func(name string) bool { return !filepath.IsAbs(name) }) {
		return nil
	}
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	var dirs []string
	for _, link := range links {
		if dir, err := os.Readlink(link); err == nil && filepath.IsAbs(dir) {
			dirs = append(dirs, dir)
		}
	}
	return compacted(dirs)
}

// mostEntries bounds the directories that are looked through: sockets lie among few others, and so do their directories.
const mostEntries = 10000

func socketsIn(dir string) []string {
	file, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer file.Close()
	entries, _ := file.ReadDir(mostEntries)
	var all []string
	for _, e := range entries {
		if e.Type() == fs.ModeSocket {
			all = append(all, filepath.Join(dir, e.Name()))
		}
	}
	return all
}

// socketNames reads the table of proc_net_unix(5): seven columns, and the path as it is for those that have one. A name that
// begins with '@' has no place in the file system, and needs none: it belongs to the network namespace.
func socketNames(table []byte) []string {
	var names []string
	_, table, _ = bytes.Cut(table, []byte("\n")) // the titles of the columns
	for line := range bytes.Lines(table) {
		rest := bytes.TrimSuffix(line, []byte("\n"))
		for range 7 {
			rest = bytes.TrimLeft(rest, " ")
			_, rest, _ = bytes.Cut(rest, []byte(" "))
		}
		if name := string(rest); name != "" && !strings.HasPrefix(name, "@") {
			names = append(names, name)
		}
	}
	return compacted(names)
}
