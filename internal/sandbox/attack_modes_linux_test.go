//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lendingAttacks leave a file behind through which others than the user get the user's rights.
func lendingAttacks() []attack {
	var all []attack
	for _, bit := range []struct {
		name string
		mode uint32
	}{{"set-user-ID", unix.S_ISUID}, {"set-group-ID", unix.S_ISGID}} {
		for name, set := range lendingWays() {
			all = append(all, attack{name: bit.name + " by " + name, run: func(w world) error {
				return leave(filepath.Join(w.User, "lent"), bit.mode, set)
			}})
		}
	}
	return append(all, attack{name: "capabilities of a file", root: true, run: func(w world) error {
		path := filepath.Join(w.User, "capable")
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			return err
		}
		defer os.Remove(path)
		value := make([]byte, 20) // struct vfs_cap_data, revision 2
		binary.LittleEndian.PutUint32(value, 0x02000001)
		binary.LittleEndian.PutUint32(value[4:], 1<<unix.CAP_DAC_OVERRIDE)
		return unix.Setxattr(path, "security.capability", value, 0)
	}})
}

// leave has a way make a file with a bit set, and looks at what has come of it.
func leave(path string, bit uint32, set func(path string, mode uint32) error) error {
	_ = os.Remove(path)
	defer os.Remove(path)
	if err := set(path, bit|0o755); err != nil {
		return err
	}
	var info unix.Stat_t
	if err := unix.Stat(path, &info); err != nil {
		return err
	}
	if info.Mode&bit == 0 {
		return errors.New("the bit is not set")
	}
	return nil
}

// lendingWays are the ways to set a mode.
func lendingWays() map[string]func(path string, mode uint32) error {
	existing := func(set func(path string, fd int, mode uint32) error) func(string, uint32) error {
		return func(path string, mode uint32) error {
			fd, err := unix.Open(path, unix.O_CREAT|unix.O_RDWR, 0o755)
			if err != nil {
				return err
			}
			return errors.Join(set(path, fd, mode), unix.Close(fd))
		}
	}
	made := func(fd int, err error) error {
		if err == nil {
			err = unix.Close(fd)
		}
		return err
	}
	return map[string]func(path string, mode uint32) error{
		"chmod":  existing(func(path string, _ int, mode uint32) error { return unix.Chmod(path, mode) }),
		"fchmod": existing(func(_ string, fd int, mode uint32) error { return unix.Fchmod(fd, mode) }),
		"fchmodat2": existing(func(path string, _ int, mode uint32) error {
			return unix.Fchmodat(unix.AT_FDCWD, path, mode, unix.AT_SYMLINK_NOFOLLOW)
		}),
		"chmod with bits too many": existing(func(path string, _ int, mode uint32) error {
			name, err := unix.BytePtrFromString(path)
			if err != nil {
				return err
			}
			at := unix.AT_FDCWD
			_, _, errno := unix.Syscall(unix.SYS_FCHMODAT, uintptr(at), uintptr(unsafe.Pointer(name)), uintptr(mode)|1<<40|1<<20)
			if errno != 0 {
				return errno
			}
			return nil
		}),
		"open":  func(path string, mode uint32) error { return made(unix.Open(path, unix.O_CREAT|unix.O_WRONLY, mode)) },
		"mknod": func(path string, mode uint32) error { return unix.Mknod(path, unix.S_IFREG|mode, 0) },
		"openat2": func(path string, mode uint32) error {
			return made(unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: uint64(mode)}))
		},
		"a file without a name": func(path string, mode uint32) error {
			fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_WRONLY, mode)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
		},
	}
}
