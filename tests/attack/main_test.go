// Package attack_test carries out known attacks on brokers of credentials, against the real program. list_test.go names
// them all; proof_test.go shows for each that it succeeds once its defence is taken out.
package attack_test

import (
	"os"
	"testing"

	"authsome/tests/internal/process"
)

// What this binary is when its first argument says so. The environment would not do: a run changes that of its child.
const (
	asChild = "as-child" // of authsome run
	asHosts = "as-hosts" // see rebinding_linux_test.go
	asPlain = "as-plain" // see thief_linux_test.go
	asThief = "as-thief" // see thief_linux_test.go
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == asChild:
		os.Exit(child())
	case len(os.Args) > 1 && os.Args[1] == asHosts:
		os.Exit(withHosts(os.Args[2], os.Args[3:]))
	case len(os.Args) > 1 && os.Args[1] == asPlain:
		os.Exit(plainly(os.Args[2:]))
	case len(os.Args) > 1 && os.Args[1] == asThief:
		os.Exit(thief(os.Args[2:]))
	}
	process.WaitTogether()
	os.Exit(process.Main(m))
}
