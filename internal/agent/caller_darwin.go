package agent

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// maxParents is how many ancestors are named.
const maxParents = 4

// peerOf returns the user and process at the other end, as they were when the connection was made.
func peerOf(fd int) (uid, pid int, err error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, 0, fmt.Errorf("ask who is at the other end: %w", err)
	}
	pid, _ = unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID) // for people only
	return int(cred.Uid), pid, nil
}

// describe looks a process up.
func describe(pid int) Caller {
	c := Caller{PID: pid}
	name, parent := nameAndParent(pid)
	c.Command = name
	var parents []string
	for range maxParents {
		if parent <= 1 {
			break
		}
		name, parent = nameAndParent(parent)
		parents = append(parents, name)
	}
	c.Parents = strings.Join(parents, ", ")
	return c
}

func nameAndParent(pid int) (name string, parent int) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", 0
	}
	return unix.ByteSliceToString(info.Proc.P_comm[:]), int(info.Eproc.Ppid)
}
