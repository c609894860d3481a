// Package crash_test holds the promises that only real processes can break: many at once, and some that die.
package crash_test

import (
	"os"
	"testing"

	"authsome/tests/internal/process"
)

func TestMain(m *testing.M) { os.Exit(process.Main(m)) }
