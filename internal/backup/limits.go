package backup

import (
	"errors"
	"fmt"
	"strings"
)

// Limits keep a file that somebody has made up from filling the memory, or the disk. They hold for what is written, too: a
// backup that is written can be read.
const (
	maxHeader   = 1 << 20
	maxRecords  = 256 << 20
	maxSettings = 16 << 20 // a file of the home that is read as a whole by those who use it
	maxLog      = 1 << 30  // sixteen times the size at which a log goes on in a new file
)

// ErrTooLarge says that something of the home does not fit into a backup.
var ErrTooLarge = errors.New("it is too large for a backup")

// limitOf is how many bytes a file of the home may have.
func limitOf(name string) int64 {
	if strings.HasSuffix(name, ".log") {
		return maxLog
	}
	return maxSettings
}

func fits(name string, size, limit int64) error {
	if size <= limit {
		return nil
	}
	return fmt.Errorf("%s has %d bytes, and at most %d are taken: %w", name, size, limit, ErrTooLarge)
}
