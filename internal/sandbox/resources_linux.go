//go:build amd64 || arm64

package sandbox

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What the program uses up, others lack. No limit can be set to that without rights over control groups; but what is short is
// taken from the box first, and not from the broker, which would take requests down with it that are under way.

// leaveProcesses leaves half of the processes and threads that the user may have to the broker and all else outside: without one
// more thread a broker could not go on. The kernel counts those of the box by themselves, and none of root's.
func leaveProcesses() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &limit); err != nil {
		return attempt("look up the limit of processes", err)
	}
	if limit.Cur == unix.RLIM_INFINITY {
		return nil
	}
	limit.Cur /= 2
	limit.Max = limit.Cur
	return attempt("limit the processes", unix.Setrlimit(unix.RLIMIT_NPROC, &limit))
}

// endFirst has the kernel, when memory runs out, choose what is in the box as if it had a tenth of all memory more than it has.
// Many small programs would otherwise let the broker be the largest.
func endFirst() error {
	const file, more, most = "/proc/self/oom_score_adj", 100, 1000
	content, err := os.ReadFile(file)
	if err != nil {
		return attempt("look up who ends when memory runs out", err)
	}
	now, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return attempt("look up who ends when memory runs out", err)
	}
	return attempt("say who ends when memory runs out", os.WriteFile(file, []byte(strconv.Itoa(min(now+more, most))), 0))
}
