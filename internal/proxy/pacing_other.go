//go:build !linux

package proxy

import "syscall"

// sendAtOnce does nothing where the system does not let a program choose how a connection is paced.
func sendAtOnce(syscall.RawConn) {}
