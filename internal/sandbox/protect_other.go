//go:build !linux && !darwin

package sandbox

// Protect does nothing: this system has no such call that a process could make for itself.
func Protect() error { return nil }
