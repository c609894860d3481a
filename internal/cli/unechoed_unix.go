//go:build linux || darwin

package cli

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// endOfInput is what a person types to end the input of a terminal.
const endOfInput = "Enter and Ctrl-D"

// hide keeps a terminal from showing what is typed, until show is called.
func hide(fd int) (show func() error, err error) {
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	silent := *before
	silent.Lflag = silent.Lflag&^unix.ECHO | unix.ICANON | unix.ISIG
	silent.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setTermios, &silent); err != nil {
		return nil, err
	}
	return func() error { return unix.IoctlSetTermios(fd, setTermios, before) }, nil
}

// readUnechoed reads a line that a terminal does not show. Unlike golang.org/x/term it ends at Ctrl-D, and when the
// terminal has gone: there a read returns nothing, at once, for ever.
func readUnechoed(fd int) (line []byte, err error) {
	show, err := hide(fd)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, show()) }()
	var b [1]byte
	for {
		switch n, err := unix.Read(fd, b[:]); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return nil, err
		case n == 0 && len(line) == 0:
			return nil, io.EOF
		case n == 0, b[0] == '\n':
			return line, nil
		default:
			line = append(line, b[0])
		}
	}
}
