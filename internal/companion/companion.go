// Package companion finds the programs that are installed along with this one. Use [Find].
package companion

import (
	"os"
	"path/filepath"
	"runtime"
)

// Find returns what to call to run a program: its path beside this program if it lies there, since the two were then installed
// together, and otherwise its name, which is looked up as usual.
func Find(program string) string {
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	self, err := os.Executable()
	if err != nil {
		return program
	}
	return besideOr(self, program)
}

func besideOr(self, program string) string {
	beside := filepath.Join(filepath.Dir(self), program)
	if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
		return beside
	}
	return program
}
