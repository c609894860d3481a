package atomicfile

import (
	"errors"

	"golang.org/x/sys/windows"
)

// inUse reports whether somebody has the file open. Of one that is being replaced or removed, the system says that access is
// denied.
func inUse(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
