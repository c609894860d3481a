//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// fix keeps everything on the way to what is protected in its place. What is mounted over a directory goes along when one
// above it is renamed, and the program could put another in its place, which counts outside. Nobody renames or removes
// what something is mounted on: each directory on the way is mounted on itself.
func fix(writable, protected []string) error {
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	for _, dir := range onTheWay(outermost(writable), protected) {
		if slices.ContainsFunc(mounts, func(m mounted) bool { return m.point == dir }) {
			continue
		}
		err := unix.Mount(dir, dir, "", unix.MS_BIND|unix.MS_REC, "")
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return attempt("fix "+dir+" in its place", err)
		}
	}
	return nil
}

// onTheWay lists the directories above what is protected that can be written to, the outer ones first.
func onTheWay(writable, protected []string) []string {
	var all []string
	for _, path := range protected {
		real := filepath.Join(resolved(filepath.Dir(path)), filepath.Base(path)) // where a link lies, too
		for _, path := range []string{real, resolved(path)} {
			for _, top := range writable {
				for dir := filepath.Dir(path); dir != top && within(dir, top); dir = filepath.Dir(dir) {
					all = append(all, dir)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fixLinks keeps symbolic links in their places: a link could be replaced although what it leads to cannot be changed.
func fixLinks(links []string) error {
	for _, link := range links {
		if err := fixLink(link); err != nil && !errors.Is(err, unix.ENOENT) {
			return attempt("fix the link "+link+" in its place", err)
		}
	}
	return nil
}

// fixLink mounts a link, and not what it leads to, on itself. It leads on as before.
func fixLink(link string) error {
	fd, err := unix.OpenTree(unix.AT_FDCWD, link, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return err
	}
	err = unix.MoveMount(fd, "", unix.AT_FDCWD, link, unix.MOVE_MOUNT_F_EMPTY_PATH) // onto the link, which is not followed
	return errors.Join(err, unix.Close(fd))
}
