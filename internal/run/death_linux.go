package run

import "syscall"

// attributes makes the kernel end the child when this process dies without having waited for it, killed for example: a
// child whose proxy is gone can do nothing useful.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
