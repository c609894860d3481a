//go:build unix && !linux

package http1

import (
	"errors"
	"syscall"
)

// sysRead reads from a socket that does not block.
func sysRead(fd uintptr, p []byte) (int, syscall.Errno) { return number(syscall.Read(int(fd), p)) }

// sysWrite writes to a socket that does not block.
func sysWrite(fd uintptr, p []byte) (int, syscall.Errno) { return number(syscall.Write(int(fd), p)) }

// number gives the error of a system call as what it is.
func number(n int, err error) (int, syscall.Errno) {
	errno, _ := errors.AsType[syscall.Errno](err)
	return n, errno
}
