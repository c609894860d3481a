//go:build !linux && !darwin

package cli

import "golang.org/x/term"

// readUnechoed reads a line that a terminal does not show.
func readUnechoed(fd int) ([]byte, error) { return term.ReadPassword(fd) }

// endOfInput is what a person types to end the input of a terminal.
const endOfInput = "Enter, Ctrl-Z and Enter"

// hide would keep a terminal from showing what is typed; only single lines can be hidden here.
func hide(int) (show func() error, err error) { return func() error { return nil }, nil }
