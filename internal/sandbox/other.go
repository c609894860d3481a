//go:build !linux || (!amd64 && !arm64)

package sandbox

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"runtime"
)

// isOwn is never asked: there is no sandbox to have made anything.
func isOwn(fs.FileInfo) bool { return false }

var errNone = errors.New("there is no sandbox on this system")

// Box is a sandbox with one program in it. There is none on this system.
type Box struct{}

// Start returns an error that says so.
func Start(Config) (*Box, error) {
	return nil, unsupported("it needs Linux on amd64 or arm64, and this is "+runtime.GOOS+" on "+runtime.GOARCH,
		"run without --sandbox, if that is good enough")
}

// Listener is never called, as are all the methods: there is no Box.
func (*Box) Listener() net.Listener { return nil }

// Enter is never called.
func (*Box) Enter(View) error { return errNone }

// Exec is never called.
func (*Box) Exec(string, []string, []string) error { return errNone }

// Signal is never called.
func (*Box) Signal(os.Signal) error { return errNone }

// Wait is never called.
func (*Box) Wait() (int, error) { return 1, errNone }

// Close is never called.
func (*Box) Close() error { return nil }

// Main returns the exit code of a wrong usage.
func Main() int { return 2 }

// Examine returns nothing: there is nothing to examine.
func Examine() []Feature { return nil }
