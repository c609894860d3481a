//go:build !linux && !darwin

package cli

import "golang.org/x/term"

// readUnechoed reads a line that a terminal does not show.
func readUnechoed(fd int) ([]byte, error) { return term.ReadPassword(fd) }
