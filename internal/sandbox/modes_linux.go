//go:build amd64 || arm64

package sandbox

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A file of the user's that is set-user-ID lends what the user may do, outside of the box, to whoever of this machine can
// execute it, and a set-group-ID one the rights of a group. Mounting nosuid would be of no use: it holds inside alone, where
// no_new_privs holds already. So nobody gets to set these bits: a program in the box can neither make such a file nor turn
// one that it has into one, and what it copies comes out without.

// lending are the bits. The kernel looks at 16 bits of a mode.
const lending = unix.S_ISUID | unix.S_ISGID

// modeCall is a system call that sets the mode of a file.
type modeCall struct {
	number uint32
	mode   uint32 // which argument it is
	flags  uint32 // which argument says whether a file is made, without which there is no mode; 0: always
}

// modeCalls are those that every machine has.
func modeCalls() []modeCall {
	return append([]modeCall{
		{number: unix.SYS_FCHMOD, mode: 1},
		{number: unix.SYS_FCHMODAT, mode: 2},
		{number: unix.SYS_FCHMODAT2, mode: 2},
		{number: unix.SYS_MKNODAT, mode: 2},
		{number: unix.SYS_OPENAT, mode: 3, flags: 2},
	}, modeCallsOfThisMachine()...)
}

// refuseLending makes calls fail that would set one of the bits. openat2 has the mode where no filter sees it; programs
// have openat for systems without.
func (f *filterProgram) refuseLending() {
	f.refuseCalls(uint32(unix.ENOSYS), unix.SYS_OPENAT2)
	for _, c := range modeCalls() {
		code := []bpf.Instruction{
			argument(c.mode), bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: lending, SkipTrue: 1}, refuse(uint32(unix.EPERM)),
		}
		if c.flags != 0 {
			makes := bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY, SkipTrue: 3}
			code = append([]bpf.Instruction{argument(c.flags), makes}, code...)
		}
		f.call(c.number, code...)
	}
}
