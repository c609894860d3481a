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
	return fileSystem{
		network:  networkKind(uint32(s.Type)),
		readOnly: s.Flags&unix.ST_RDONLY != 0,
		free:     s.Bavail * uint64(s.Bsize),
	}, nil
}

// networkKind names the network file systems by the number they are known by.
func networkKind(magic uint32) string {
	switch magic {
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.SMB_SUPER_MAGIC:
		return "SMB"
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "AFS"
	case unix.CODA_SUPER_MAGIC:
		return "Coda"
	case unix.CEPH_SUPER_MAGIC:
		return "Ceph"
	case unix.V9FS_MAGIC:
		return "9P"
	}
	return ""
}
