// Package crash_test holds the promises that only real processes can break: many at once, and some that die.
package crash_test

import (
	"fmt"
	"os"
	"testing"

	"authsome/tests/internal/process"
)

func TestMain(m *testing.M) { os.Exit(withHelper(m)) }

// withHelper puts the program that encrypts backups where the program under test finds it.
func withHelper(m *testing.M) int {
	dir, err := os.MkdirTemp("", "authsome-helper-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }() // what stays lies in the temporary directory
		_, err = process.BuildAge(dir)
	}
	if err == nil {
		err = os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return process.Main(m)
}
