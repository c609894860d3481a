//go:build unix

package agent

import (
	"fmt"

	"golang.org/x/sys/unix"

	"authsome/internal/sandbox"
)

// protect keeps this process from being read by others of the same user, and from leaving a core file. Unlike a run, the
// agent starts nothing that would miss its core files.
func protect() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("allow no core file: %w", err)
	}
	return sandbox.Protect()
}
