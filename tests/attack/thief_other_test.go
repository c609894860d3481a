//go:build !linux || !(amd64 || arm64)

package attack_test

import "testing"

func thief([]string) int { return 1 }

func plainly([]string) int { return 1 }

const onLinuxOnly = "there is a sandbox on Linux only"

// 25: see thief_linux_test.go.
func askingTheCommand(t *testing.T) { t.Skip(onLinuxOnly) }

// 30: see thief_linux_test.go.
func readingTheBroker(t *testing.T) { t.Skip(onLinuxOnly) }

// udpEscape is a part of 19: see thief_linux_test.go.
func (w *world) udpEscape(*testing.T) {}
