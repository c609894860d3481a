package agent

import "authsome/internal/sandbox"

// protect keeps this process from being read, as far as the system can.
func protect() error { return sandbox.Protect() }
