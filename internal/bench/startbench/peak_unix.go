//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// peakKilobytes returns the largest resident memory that an ended process had.
func peakKilobytes(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss / 1024 // bytes there
	}
	return usage.Maxrss
}
