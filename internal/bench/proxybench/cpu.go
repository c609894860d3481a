package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// cpuTime returns how long a process has used the processors, where the system tells (Linux), or 0. It is nearly
// blind to what else the machine does, which the requests per second are not.
func cpuTime(pid int) time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The second field is the command in parentheses; utime and stime are the 14th and 15th, in ticks of 10 ms.
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
