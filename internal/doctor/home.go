package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// initHint makes home, key and vault.
const initHint = "authsome init"

// home says where everything lies.
func (e *examination) home() Check {
	const name = "home"
	info, err := os.Stat(e.Home)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return noted(name, e.Home+": not initialised yet", initHint)
	case err != nil:
		return failed(name, fmt.Sprintf("%s cannot be used: %v", e.Home, err), "set AUTHSOME_HOME to a directory of your own")
	case !info.IsDir():
		return failed(name, e.Home+" is not a directory", "move it away, or set AUTHSOME_HOME")
	}
	return passed(name, e.Home)
}

// configuration passes on what the reader of the configuration file found.
func (e *examination) configuration() Check {
	const name = "configuration"
	if e.Settings != nil {
		return failedWith(name, e.Settings)
	}
	return passed(name, "readable")
}

// fileSystem is what matters of the file system below the home.
type fileSystem struct {
	network  string // what kind of network file system it is; empty for a local one, or where that is not known
	readOnly bool
	free     uint64 // bytes that this user may still write
}

// enough is far more than one write of the vault and its journal needs.
const enough = 1 << 20

// disk examines the file system of the home, or the one the home would be made on.
func (e *examination) disk() Check {
	dir := e.Home
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	found, err := statFileSystem(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return passed("disk", "not examined on this system")
	}
	if err != nil {
		return failed("disk", fmt.Sprintf("the file system of %s cannot be examined: %v", dir, err), "")
	}
	return judgeDisk(dir, found)
}

func judgeDisk(dir string, found fileSystem) Check {
	const name = "disk"
	switch {
	case found.readOnly:
		return failed(name, dir+" lies on a file system that is mounted read-only",
			"a refreshed token could not be stored: mount it writable, or set AUTHSOME_HOME to a directory elsewhere")
	case found.free < enough:
		return failed(name, fmt.Sprintf("the disk below %s is full: %d KiB are free", dir, found.free>>10),
			"free some space: a refreshed token could not be stored")
	case found.network != "":
		return noted(name, fmt.Sprintf("%s lies on a network file system (%s)", dir, found.network),
			"locks may not hold between machines there: use the home on one machine only, or set AUTHSOME_HOME to a local disk")
	}
	return passed(name, fmt.Sprintf("local, %d MiB free", found.free>>20))
}
