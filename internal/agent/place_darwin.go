package agent

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is what fits into the address of a socket, with the ".new" of a fresh one.
const maxSocketPath = 103 - len(".new")

// place is where the socket of a directory lies: in it or, if its path is too long for a socket, in a directory with a
// name made from its own among the temporary ones of the user.
func place(dir string) string {
	if len(filepath.Join(dir, socketFile)) <= maxSocketPath {
		return dir
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(os.TempDir(), fmt.Sprintf("authsome-%d-%x", os.Geteuid(), sum[:8]))
}

// reachable returns the place of the socket of a directory, which is the user's alone.
func reachable(dir string, create bool) (short string, done func(), err error) {
	at := place(dir)
	if create {
		err = makeOwn(at)
	}
	return at, func() {}, err
}
