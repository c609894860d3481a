package sandbox

import "golang.org/x/sys/unix"

const machine uint32 = unix.AUDIT_ARCH_X86_64

func refusedOnThisMachine() []uint32 {
	return []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_USELIB, unix.SYS__SYSCTL, unix.SYS_CREATE_MODULE}
}
