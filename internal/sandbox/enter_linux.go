//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

const quietMount = unix.MS_NOSUID | unix.MS_NODEV

// enter builds what is to be seen and gives up the right to change it. The order matters: what is put back is opened
// before it is covered, and what is hidden is hidden last.
func enter(s scene) error {
	// Nothing that is mounted outside from now on may arrive here, such as the home of authsome once more.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return attempt("separate the mounts", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", quietMount|unix.MS_NOEXEC, ""); err != nil {
		return attempt("mount /proc", err)
	}
	if err := endFirst(); err != nil {
		return err
	}
	if err := leaveProcesses(); err != nil {
		return err
	}
	if err := checkInherited(); err != nil {
		return err
	}
	kept, err := openPlace(string(s.Keep))
	if err != nil {
		return err
	}
	defer kept.close()
	fresh, err := renew(s)
	if err != nil {
		return err
	}
	if err := makeReadOnly(plain(s.ReadOnly)); err != nil {
		return err
	}
	for _, dir := range s.Still {
		if err := still(resolved(string(dir))); err != nil {
			return err
		}
	}
	if err := fixLinks(plain(s.Links)); err != nil {
		return err
	}
	if err := hide(s, kept); err != nil {
		return err
	}
	if err := freeze(writable(s), fresh); err != nil {
		return err
	}
	if err := fix(writable(s), plain(s.Fixed)); err != nil {
		return err
	}
	// The old working directory may be one that is covered now, and everything beside it.
	if err := os.Chdir(string(s.Dir)); err != nil {
		return attempt("go to the working directory", err)
	}
	return confine(s, fresh)
}

// place is something that is to be seen at another place, or at the same after that has been covered.
type place struct {
	file *os.File
	path string // where it is to be seen
	dir  bool
}

// openPlace opens a path without being able to read it. A path that is empty or does not exist makes an empty place.
func openPlace(path string) (place, error) {
	if path == "" {
		return place{}, nil
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return place{}, nil
	}
	if err != nil {
		return place{}, attempt("open "+path, err)
	}
	p := place{file: os.NewFile(uintptr(fd), path), path: path}
	info, err := p.file.Stat()
	p.dir = err == nil && info.IsDir()
	return p, attempt("look at "+path, err)
}

func (p place) close() {
	if p.file != nil {
		_ = p.file.Close()
	}
}

// put makes the place be seen at its path, which is made.
func (p place) put() error {
	if p.file == nil {
		return nil
	}
	if err := p.makeTarget(); err != nil {
		return attempt("make "+p.path, err)
	}
	source := "/proc/self/fd/" + strconv.Itoa(int(p.file.Fd()))
	return attempt("put back "+p.path, unix.Mount(source, p.path, "", unix.MS_BIND|unix.MS_REC, ""))
}

func (p place) makeTarget() error {
	if p.dir {
		return os.MkdirAll(p.path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(p.path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// readOnly makes a mount, and what is mounted in it, read-only.
func readOnly(path string) error {
	attributes := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	return attempt("make "+path+" read-only", unix.MountSetattr(unix.AT_FDCWD, path, unix.AT_RECURSIVE, &attributes))
}

// makeReadOnly does so for files and directories that exist.
func makeReadOnly(paths []string) error {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		path = resolved(path)
		if err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return attempt("cover "+path, err)
		}
		if err := readOnly(path); err != nil {
			return err
		}
	}
	return nil
}

// hide covers the home of authsome, but for what is kept, and all else that is to be hidden, wherever it can be seen.
func hide(s scene, kept place) error {
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	home := resolved(string(s.Home))
	var covered []string
	for _, path := range append(plain(s.Hide), home) {
		real := resolved(path)
		covered = append(covered, real)
		for _, alias := range aliases(mounts, real) {
			covered = append(covered, resolved(alias))
		}
	}
	slices.Sort(covered) // what contains comes before what is contained
	var laid []string
	for _, path := range slices.Compact(covered) {
		if path == home {
			continue
		}
		if err := cover(path, &laid); err != nil {
			return err
		}
	}
	if err := coverHome(home, kept, &laid); err != nil {
		return err
	}
	for _, path := range s.Sockets {
		if isSocket(string(path)) {
			if err := cover(string(path), &laid); err != nil {
				return err
			}
		}
	}
	for _, path := range laid {
		if err := readOnly(path); err != nil {
			return err
		}
	}
	return nil
}

// cover lays nothing over a file or directory. What does not exist, or is out of reach for the user anyway, it lets be.
func cover(path string, laid *[]string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil //nolint:nilerr // nothing to hide
	}
	if info.IsDir() {
		return coverDir(path, laid)
	}
	return attempt("hide "+path, unix.Mount("/dev/null", path, "", unix.MS_BIND, ""))
}

func coverDir(path string, laid *[]string) error {
	*laid = append(*laid, path)
	return attempt("hide "+path, unix.Mount("tmpfs", path, "tmpfs", quietMount|unix.MS_NOEXEC, "mode=0755,size=64k"))
}

// coverHome leaves a mark by which authsome knows why there is nothing.
func coverHome(home string, kept place, laid *[]string) error {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return attempt("hide "+home, err)
	}
	if err := coverDir(home, laid); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, Marker), nil, 0o444); err != nil {
		return attempt("hide "+home, err)
	}
	return kept.put() // its path may go through a symbolic link, and still ends in home
}

// checkInherited keeps files that were opened outside from leading there: with a directory one could go everywhere from
// it, past all that is covered. Pipes and files are what people redirect, and stay.
func checkInherited() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return attempt("list the open files", err)
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		var info unix.Stat_t
		if unix.Fstat(fd, &info) != nil {
			continue // it was the directory that we read
		}
		kind := info.Mode & unix.S_IFMT
		switch {
		case fd <= 2 && kind == unix.S_IFDIR:
			return fmt.Errorf("file %d is a directory, which would lead out of the sandbox", fd)
		case fd > 2 && kind != unix.S_IFREG && kind != unix.S_IFIFO:
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
