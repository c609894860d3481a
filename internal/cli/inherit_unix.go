//go:build unix

package cli

import (
	"os"
	"strconv"
	"syscall"
)

// keepOpenFiles keeps what this process has inherited besides the standard streams from what it starts. A shell may have
// opened files for a command that it waits for, or a terminal: a process that stays would hold them open.
func keepOpenFiles() {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}
