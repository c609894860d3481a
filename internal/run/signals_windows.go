package run

import (
	"os"
	"syscall"
)

// forwarded lists what must not end this process before the child. The console sends Ctrl-C and Ctrl-Break to every
// program in it.
func forwarded() []os.Signal { return []os.Signal{os.Interrupt} }

// childHasIt is always true: there is no signal but those of the console.
func childHasIt(os.Signal) bool { return true }

// terminate kills, as Windows has no way to ask.
func terminate(p *os.Process) error { return p.Kill() }

func attributes() *syscall.SysProcAttr { return nil }
