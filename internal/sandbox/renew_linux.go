//go:build amd64 || arm64

package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// renew lays new, empty directories over those in which other programs of the user leave sockets, devices and files, and
// puts back what the program needs of them. It returns the new ones, which are private and may be written to.
func renew(s scene) (fresh []string, err error) {
	places := neededPlaces(s)
	for _, dir := range renewed(s, places) {
		back, err := openPlaces(places, dir)
		if err != nil {
			return nil, err
		}
		if dir == "/dev" {
			err = newDevices()
		} else {
			err = attempt("mount "+dir, unix.Mount("tmpfs", dir, "tmpfs", quietMount, "mode="+modeOf(dir)))
		}
		for _, p := range back {
			if err == nil {
				err = p.put()
			}
			if err == nil && places[p.path] {
				err = readOnly(p.path)
			}
			p.close()
		}
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, dir)
	}
	for _, dir := range s.Expected {
		if slices.ContainsFunc(fresh, func(d string) bool { return within(string(dir), d) }) {
			if err := os.MkdirAll(string(dir), 0o700); err != nil {
				return nil, attempt("make "+string(dir), err)
			}
		}
	}
	return fresh, nil
}

func modeOf(dir string) string {
	if dir == "/run" || dir == "/var/run" {
		return "0755"
	}
	return "1777"
}

// renewed lists the directories to be renewed. One that the user works in, or wants to write to, stays as it is.
func renewed(s scene, places map[string]bool) []string {
	wanted := []string{resolved(string(s.Dir))}
	for _, dir := range s.Write {
		wanted = append(wanted, resolved(string(dir)))
	}
	var all []string
	for _, dir := range []string{"/dev", "/run", "/var/run", "/tmp", "/var/tmp", string(s.Runtime)} {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || dir != resolved(dir) { // a link leads to another in the list
			continue
		}
		inside := slices.ContainsFunc(all, func(d string) bool { return within(dir, d) }) && !inWritable(places, dir)
		contains := within(resolved(string(s.UserHome)), dir) && dir == string(s.Runtime)
		if !inside && !contains && (isSystem(dir) || !slices.Contains(wanted, dir)) {
			all = append(all, dir)
		}
	}
	return all
}

// neededPlaces lists what is put back where it lies in a renewed directory, and whether it is read-only then.
func neededPlaces(s scene) map[string]bool {
	places := make(map[string]bool)
	// Where NixOS keeps the programs of the system.
	for _, path := range []string{"/run/current-system", "/run/booted-system", "/run/opengl-driver"} {
		places[path] = true
	}
	for _, path := range s.Programs {
		places[string(path)] = true
	}
	for _, path := range append([]text{s.Dir, s.UserHome}, s.Write...) {
		places[string(path)] = false
		places[resolved(string(path))] = false // both, as programs use one or the other
	}
	delete(places, string(s.Runtime))
	return places
}

// openPlaces opens the places that lie in dir, those that contain others first.
func openPlaces(places map[string]bool, dir string) ([]place, error) {
	var paths []string
	for path := range places {
		if path != dir && within(path, dir) {
			paths = append(paths, path)
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(a, b) })
	var open []place
	for _, path := range paths {
		if !places[path] || !inWritable(places, path) {
			p, err := openPlace(path)
			if err != nil {
				return nil, err
			}
			open = append(open, p)
		}
	}
	return open, nil
}

// inWritable reports whether a path lies in another place that is put back as it is, with all that is in it.
func inWritable(places map[string]bool, path string) bool {
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		if readOnly, ok := places[dir]; ok && !readOnly {
			return true
		}
	}
	return false
}

// newDevices mounts a /dev that has what programs need and no device that stores or shows anything: not the disk, which
// root could read without the files on it, and not the user's other terminals.
func newDevices() error {
	var devices []place
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		p, err := openPlace("/dev/" + name)
		if err != nil {
			return err
		}
		devices = append(devices, p)
	}
	if terminal := ownTerminal(); terminal != "" {
		p, err := openPlace(terminal)
		if err != nil {
			return err
		}
		p.path = "/dev/console" // where ttyname(3) finds it
		devices = append(devices, p)
	}
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755"); err != nil {
		return attempt("mount /dev", err)
	}
	for _, p := range devices {
		err := p.put()
		p.close()
		if err != nil {
			return err
		}
	}
	for _, link := range [][2]string{
		{"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"},
		{"pts/ptmx", "ptmx"},
	} {
		if err := os.Symlink(link[0], "/dev/"+link[1]); err != nil {
			return attempt("make /dev/"+link[1], err)
		}
	}
	for _, dir := range []string{"/dev/pts", "/dev/shm"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return attempt("make "+dir, err)
		}
	}
	if err := unix.Mount("tmpfs", "/dev/shm", "tmpfs", quietMount, "mode=1777"); err != nil {
		return attempt("mount /dev/shm", err)
	}
	err := unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
	return attempt("mount /dev/pts", err)
}

// ownTerminal returns the path of the terminal that one of the standard files is, if one is.
func ownTerminal() string {
	for fd := range 3 {
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
			continue
		}
		if path, err := os.Readlink("/proc/self/fd/" + string(rune('0'+fd))); err == nil && within(path, "/dev") {
			return path
		}
	}
	return ""
}
