package main

import "os"

// peakKilobytes returns 0: the system does not tell after the end of a process.
func peakKilobytes(*os.ProcessState) int64 { return 0 }
