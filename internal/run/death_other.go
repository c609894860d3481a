//go:build unix && !linux

package run

import "syscall"

// attributes is empty where the kernel has no parent-death signal.
func attributes() *syscall.SysProcAttr { return nil }
