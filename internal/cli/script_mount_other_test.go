//go:build !linux

package cli

import "github.com/rogpeppe/go-internal/testscript"

func mountCommands() map[string]func(*testscript.TestScript, bool, []string) { return nil }

func mayMount() bool { return false }
