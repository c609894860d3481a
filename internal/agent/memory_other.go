//go:build unix && !linux

package agent

// advise does nothing: this system has no such advice.
func advise([]byte) error { return nil }
