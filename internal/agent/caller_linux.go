package agent

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxParents is how many ancestors are named: the shell, and what has started that, say enough.
const maxParents = 4

// peerOf returns the user and process at the other end, as they were when the connection was made.
func peerOf(fd int) (uid, pid int, err error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, 0, fmt.Errorf("ask who is at the other end: %w", err)
	}
	return int(cred.Uid), int(cred.Pid), nil
}

// describe looks a process up.
func describe(pid int) Caller {
	c := Caller{PID: pid}
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	if line, err := os.ReadFile(dir + "cmdline"); err == nil {
		c.Command = string(bytes.ReplaceAll(bytes.TrimRight(line, "\x00"), []byte{0}, []byte{' '}))
	}
	var parents []string
	for range maxParents {
		_, pid = nameAndParent(pid)
		if pid <= 1 {
			break
		}
		name, _ := nameAndParent(pid)
		parents = append(parents, name)
	}
	c.Parents = strings.Join(parents, ", ")
	return c
}

// nameAndParent reads proc_pid_stat(5): the name stands in parentheses and may itself have some.
func nameAndParent(pid int) (name string, parent int) {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", 0
	}
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return "", 0
	}
	if fields := strings.Fields(string(line[end+1:])); len(fields) > 1 {
		parent, _ = strconv.Atoi(fields[1])
	}
	return string(line[open+1 : end]), parent
}
