//go:build amd64 || arm64

package sandbox

import (
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// newScene gathers what the first process must know and cannot find out inside.
func newScene(v View) (*scene, error) {
	sockets, err := reachableSockets(v)
	if err != nil {
		return nil, err
	}
	makeMissingDirs(v)
	hide := slices.Concat(keyrings(v), snapshots(v.Home), v.Hide)
	readOnly := existing(slices.Concat(startFiles(v), v.ownFiles(), v.programDirs()))
	if v.State != "" {
		hide = append(hide, v.State)
	}
	s := &scene{
		Dir: text(v.Dir), UserHome: text(v.UserHome), Home: text(v.Home), Keep: text(v.Keep),
		Hide:     texts(hide),
		ReadOnly: texts(readOnly),
		Write:    texts(append(v.project(), v.Write...)),
		Fixed:    texts(slices.Concat(hide, readOnly, []string{v.Home})),
		Runtime:  text(directory(v.Environ, "XDG_RUNTIME_DIR")),
		Expected: texts(expected(v.Environ)),
		Still:    texts(socketDirs(v)),
		Sockets:  texts(sockets),
	}
	s.Programs = texts(searched(v))
	var links []string
	for _, path := range append(readOnly, hide...) {
		s.Fixed = append(s.Fixed, text(resolved(path)))
		links = append(links, v.looseLinks(path)...)
	}
	s.Links = texts(compacted(links))
	s.Fixed = append(s.Fixed, s.Links...)
	return s, nil
}

// expected are the directories that programs take to be there, by each name they have: the one that links lead to comes first.
func expected(environ []string) []string {
	var all []string
	for _, name := range []string{"TMPDIR", "XDG_RUNTIME_DIR"} {
		if path := variable(environ, name); filepath.IsAbs(path) {
			all = append(all, directory(environ, name), filepath.Clean(path))
		}
	}
	return all
}

// directory returns the directory that a variable names, wherever links lead to it. A relative one means nothing.
func directory(environ []string, name string) string {
	path := variable(environ, name)
	if !filepath.IsAbs(path) {
		return ""
	}
	if target, err := os.Readlink(path); err == nil && filepath.IsAbs(target) {
		return resolved(target) // also of one that is not there yet
	}
	return resolved(path)
}

func existing(paths []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return err != nil
	})
}

// snapshots are where file systems show what was there earlier: NetApp's, ZFS and what snapper makes of Btrfs. The home of
// authsome may have been in it. Another file system above has none of it, and may have to be mounted to be asked.
func snapshots(home string) []string {
	var all []string
	at := filepath.Dir(resolved(home))
	for dir := at; deviceOf(dir) == deviceOf(at); dir = filepath.Dir(dir) {
		for _, name := range []string{".snapshot", ".snapshots", ".zfs"} {
			all = append(all, filepath.Join(dir, name))
		}
		if dir == "/" {
			break
		}
	}
	return existing(all)
}

// deviceOf tells file systems apart; 0 if there is nothing.
func deviceOf(path string) uint64 {
	var info unix.Stat_t
	if unix.Stat(path, &info) != nil {
		return 0
	}
	return info.Dev
}

// keyrings are where the keys of a user lie on disk, for the Secret Service, KWallet and gpg.
func keyrings(v View) []string {
	data := []string{filepath.Join(v.UserHome, ".local/share")}
	if dir := variable(v.Environ, "XDG_DATA_HOME"); filepath.IsAbs(dir) {
		data = append(data, dir)
	}
	var all []string
	for _, dir := range data {
		all = append(all, filepath.Join(dir, "keyrings"), filepath.Join(dir, "kwalletd"))
	}
	gpg := filepath.Join(v.UserHome, ".gnupg")
	if dir := variable(v.Environ, "GNUPGHOME"); filepath.IsAbs(dir) {
		gpg = dir
	}
	return append(all, filepath.Join(gpg, "private-keys-v1.d"))
}
