//go:build linux || darwin

package main

import "syscall"

// raiseFileLimit asks for so many open files and returns how many this process and its children may have.
func raiseFileLimit(n int) int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 256
	}
	want := uint64(n)
	if limit.Max < want { // root may
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: want, Max: want})
	} else {
		limit.Cur = max(limit.Cur, want)
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return int(limit.Cur)
}
