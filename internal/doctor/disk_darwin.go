package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func statFileSystem(dir string) (fileSystem, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fileSystem{}, fmt.Errorf("statfs %s: %w", dir, err)
	}
	found := fileSystem{
		readOnly: s.Flags&unix.MNT_RDONLY != 0,
		free:     s.Bavail * uint64(s.Bsize),
	}
	if s.Flags&unix.MNT_LOCAL == 0 {
		found.network = unix.ByteSliceToString(s.Fstypename[:])
	}
	return found, nil
}
