//go:build amd64 || arm64

package sandbox

import (
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// What a filter sees; see seccomp(2). The kernels and machines that we know arguments of are little-endian.
const (
	offsetNumber   = 0
	offsetMachine  = 4
	offsetArgument = 16 // 64 bits each, the lower half first
)

// namespaces are the flags of clone(2) and unshare(2) that make one. A new one comes with capabilities in it, which is
// most of what is ever exploited in the kernel.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID |
	unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP

// filterProgram assembles what system calls may be made.
type filterProgram struct{ code []bpf.Instruction }

func (f *filterProgram) add(code ...bpf.Instruction) { f.code = append(f.code, code...) }

func refuse(errno uint32) bpf.Instruction {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | errno}
}

// refuseCalls makes calls fail.
func (f *filterProgram) refuseCalls(errno uint32, numbers ...uint32) {
	for _, n := range numbers {
		f.add(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: n, SkipTrue: 1}, refuse(errno))
	}
}

// call adds code for one call only. The code must end in a return or run into the one that follows, which allows.
func (f *filterProgram) call(number uint32, code ...bpf.Instruction) {
	code = append(code, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
	f.add(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: number, SkipTrue: uint8(len(code))}) //nolint:gosec // a handful
	f.add(code...)
}

// argument loads the lower half of an argument: the kernel looks at no more of those that are integers here, so that a
// bit in the upper half must not make a difference.
func argument(n uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: offsetArgument + 8*n, Size: 4} }

// filter is what system calls may be made, for a machine of the given kind.
func filter(machine uint32) []bpf.Instruction {
	f := &filterProgram{}
	f.add(
		bpf.LoadAbsolute{Off: offsetMachine, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: machine, SkipTrue: 1}, refuse(uint32(unix.ENOSYS)), // 32-bit programs
		bpf.LoadAbsolute{Off: offsetNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: 1 << 30, SkipTrue: 1}, refuse(uint32(unix.ENOSYS)), // x32
	)
	// Programs have something else for calls that do not exist. clone3 has its flags where no filter sees them.
	f.refuseCalls(uint32(unix.ENOSYS),
		unix.SYS_CLONE3, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER)
	f.refuseCalls(uint32(unix.EPERM), refusedCalls()...)
	f.refuseCalls(uint32(unix.EPERM), refusedOnThisMachine()...)
	flags := []bpf.Instruction{
		argument(0), bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: namespaces, SkipTrue: 1}, refuse(uint32(unix.EPERM)),
	}
	f.call(unix.SYS_CLONE, flags...)
	f.call(unix.SYS_UNSHARE, flags...)
	f.call(unix.SYS_IOCTL, argument(1),
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.TIOCSTI, SkipTrue: 1}, refuse(uint32(unix.EPERM)),
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.TIOCLINUX, SkipTrue: 1}, refuse(uint32(unix.EPERM)),
		// Another line discipline loads a driver, for modems mostly, and stays when the program has ended.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.TIOCSETD, SkipTrue: 1}, refuse(uint32(unix.EPERM)))
	for _, number := range []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR} {
		f.call(number, socketFamilies()...)
	}
	f.refuseLending()
	f.add(bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
	return f.code
}

// socketFamilies allows IP, Unix and the routing protocol of netlink, which programs ask for the interfaces there are.
func socketFamilies() []bpf.Instruction {
	allow := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	var code []bpf.Instruction
	code = append(code, argument(0))
	for _, family := range []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6} {
		code = append(code, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: family, SkipTrue: 1}, allow)
	}
	return append(code,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_NETLINK, SkipTrue: 1}, refuse(uint32(unix.EAFNOSUPPORT)),
		argument(2), bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.NETLINK_ROUTE, SkipTrue: 1}, refuse(uint32(unix.EPROTONOSUPPORT)),
	)
}

func refusedCalls() []uint32 {
	return []uint32{
		// other processes
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
		// the keyrings of the kernel
		unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
		// what is seen
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE,
		unix.SYS_OPEN_TREE_ATTR, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
		unix.SYS_SETNS, unix.SYS_OPEN_BY_HANDLE_AT,
		// what has few honest users and many mistakes
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_FANOTIFY_INIT, unix.SYS_LOOKUP_DCOOKIE,
		// the machine
		unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_REBOOT, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
		unix.SYS_VHANGUP, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_SYSLOG,
	}
}

// installFilter puts the filter on this thread.
func installFilter() error {
	code, err := bpf.Assemble(filter(machine))
	if err != nil {
		return err
	}
	filters := make([]unix.SockFilter, len(code))
	for i, c := range code {
		filters[i] = unix.SockFilter{Code: c.Op, Jt: c.Jt, Jf: c.Jf, K: c.K}
	}
	program := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]} //nolint:gosec // a few hundred
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}
