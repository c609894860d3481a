//go:build !linux

package attack_test

import "testing"

func withHosts(string, []string) int { return 1 }

// 6: see rebinding_linux_test.go.
func rebinding(t *testing.T) { t.Skip("what a name resolves to can be set on Linux only") }
