package http1

import (
	"syscall"
	"unsafe"
)

// Go's scheduler watches each system call that it is told of, and gives the processor to another goroutine when one takes
// longer than twenty microseconds. A write to another process on this machine often does, for the kernel delivers it on
// the way; being watched costs a tenth of what a small request costs. Neither call here can wait, so nobody is told.

// sysRead reads from a socket that does not block. p is not empty.
func sysRead(fd uintptr, p []byte) (int, syscall.Errno) { return untold(syscall.SYS_READ, fd, p) }

// sysWrite writes to a socket that does not block. p is not empty.
func sysWrite(fd uintptr, p []byte) (int, syscall.Errno) { return untold(syscall.SYS_WRITE, fd, p) }

func untold(call, fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}
