package sandbox

import "golang.org/x/sys/unix"

const machine uint32 = unix.AUDIT_ARCH_AARCH64

func refusedOnThisMachine() []uint32 { return nil }

func modeCallsOfThisMachine() []modeCall { return nil }
