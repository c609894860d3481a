package agent

import (
	"fmt"
	"net"
	"strings"

	"golang.org/x/sys/unix"
)

// maxParents is how many ancestors are named.
const maxParents = 4

// peerOf returns the user and process at the other end, as they were when the connection was made.
func peerOf(conn *net.UnixConn) (uid, pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var cred *unix.Xucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		pid, _ = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID) // for people only
	})
	if err == nil {
		err = credErr
	}
	if err != nil {
		return 0, 0, fmt.Errorf("ask who is at the other end: %w", err)
	}
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
