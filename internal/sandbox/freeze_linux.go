//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// freeze makes read-only whatever is not to be written to. Landlock sees to what is in files and directories, but lets
// modes, owners, times and extended attributes be changed: what belongs to the user could be opened to everybody.
func freeze(writable, fresh []string) error {
	writable = outermost(writable)
	for _, dir := range writable {
		if dir != "/" && !slices.Contains(fresh, dir) {
			if err := unix.Mount(dir, dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
				return attempt("set "+dir+" apart", err)
			}
		}
	}
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	kept := append(slices.Clone(writable), fresh...)
	for _, m := range mounts {
		// Devices are in /dev; those that root keeps elsewhere are not for the program.
		attributes := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_RDONLY}
		if slices.ContainsFunc(kept, func(dir string) bool { return within(m.point, dir) }) {
			attributes.Attr_set &^= unix.MOUNT_ATTR_RDONLY
		}
		if within(m.point, "/dev") || m.root == "/null" { // which lies over files that are hidden
			attributes.Attr_set &^= unix.MOUNT_ATTR_NODEV
		}
		if attributes.Attr_set == 0 {
			continue
		}
		err := unix.MountSetattr(unix.AT_FDCWD, m.point, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, &attributes)
		// What is covered, or out of the user's reach, is out of the program's.
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EACCES) {
			return attempt("close "+m.point, err)
		}
	}
	return nil
}

// outermost leaves out what lies in another one. The result is resolved.
func outermost(dirs []string) []string {
	var all []string
	for _, dir := range dirs {
		if filepath.IsAbs(dir) {
			all = append(all, resolved(dir))
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(slices.Clone(all), func(dir string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return dir != other && within(dir, other) })
	})
}
