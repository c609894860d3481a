package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Protect keeps debuggers away from this process. macOS lets no process read another's memory without such rights, and
// writes no core files unless told to.
func Protect() error {
	if err := unix.PtraceDenyAttach(); err != nil {
		return fmt.Errorf("protect the memory of this process: %w", err)
	}
	return nil
}
