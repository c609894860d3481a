package sandbox

import "golang.org/x/sys/unix"

const machine uint32 = unix.AUDIT_ARCH_X86_64

func refusedOnThisMachine() []uint32 {
	return []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_USELIB, unix.SYS__SYSCTL, unix.SYS_CREATE_MODULE}
}

func modeCallsOfThisMachine() []modeCall {
	return []modeCall{
		{number: unix.SYS_CHMOD, mode: 1},
		{number: unix.SYS_CREAT, mode: 1},
		{number: unix.SYS_MKNOD, mode: 1},
		{number: unix.SYS_OPEN, mode: 2, flags: 1},
	}
}
