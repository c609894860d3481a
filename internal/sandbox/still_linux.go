//go:build amd64 || arm64

package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// mostPlaces bounds the mounts that one directory takes to be still.
const mostPlaces = 500

// socketDirs are the directories of a user's home in which ssh and gpg leave sockets at any time: of agents, and of connections
// that others may share.
func socketDirs(v View) []string {
	if !filepath.IsAbs(v.UserHome) {
		return nil
	}
	start := startFiles(v)
	return slices.DeleteFunc([]string{filepath.Join(v.UserHome, ".ssh"), filepath.Join(v.UserHome, ".gnupg")}, func(dir string) bool {
		info, err := os.Stat(dir)
		return err != nil || !info.IsDir() || !slices.Contains(start, dir) // somebody works there
	})
}

// still lays over a directory one that holds what it holds now, but for sockets: what is made in it outside later is not seen
// inside, where nothing but Landlock of late keeps anybody from connecting to it.
func still(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > mostPlaces {
		return nil //nolint:nilerr // nobody can read it here, nor is it meant for keys
	}
	back := openEntries(dir, entries)
	err = attempt("mount "+dir, unix.Mount("tmpfs", dir, "tmpfs", quietMount|unix.MS_NOEXEC, "mode=0700,size=64k"))
	for _, p := range back {
		if err == nil {
			err = p.put()
		}
		p.close()
	}
	for _, e := range entries {
		if err == nil && e.IsDir() { // and no link, which may lead anywhere
			err = still(filepath.Join(dir, e.Name()))
		}
	}
	if err != nil {
		return err
	}
	return readOnly(dir)
}

// openEntries opens what there is in a directory to be put back. What leads nowhere is left out.
func openEntries(dir string, entries []fs.DirEntry) []place {
	var open []place
	for _, e := range entries {
		if e.Type() == fs.ModeSocket {
			continue
		}
		if p, err := openPlace(filepath.Join(dir, e.Name())); err == nil {
			open = append(open, p)
		}
	}
	return open
}
