package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Protect keeps other processes of the same user from reading this one: from its memory and environment, from tracing it and
// from taking its files, and the kernel from writing its memory to a file should it crash. What it starts is not
// concerned. It does not keep root away, nor what happened before.
//
// There is no limit of core files to be set besides: a process that is not dumpable leaves none, and the limit would be
// inherited by the program that is run.
func Protect() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("protect the memory of this process: %w", err)
	}
	return nil
}
