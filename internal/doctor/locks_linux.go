package doctor

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockHolder looks a lock up in the kernel's list; see proc_locks(5). It returns 0 if that does not tell.
func lockHolder(path string) int {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	device := uint64(stat.Dev) //nolint:unconvert // its type depends on the machine
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(device), unix.Minor(device), stat.Ino)
	list, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(list)) {
		// 1: FLOCK ADVISORY WRITE 1234 08:01:5678 0 EOF; those that wait have "->" in second place
		fields := strings.Fields(line)
		if len(fields) > 5 && fields[1] == "FLOCK" && fields[5] == file {
			pid, _ := strconv.Atoi(fields[4]) // 0 tells nothing either
			return pid
		}
	}
	return 0
}
