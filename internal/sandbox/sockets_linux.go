//go:build amd64 || arm64

package sandbox

import (
	"bytes"
	"os"
	"slices"
)

// boundSockets lists the paths at which programs listen, or have listened, for Unix sockets.
func boundSockets() ([]string, error) {
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, attempt("list the sockets of this machine", err)
	}
	return socketPaths(table), nil
}

// socketPaths reads the table of proc_net_unix(5): seven columns, and the path as it is for those that have one. A name that
// begins with '@' has no place in the file system, and needs none: it belongs to the network namespace.
func socketPaths(table []byte) []string {
	var paths []string
	for line := range bytes.Lines(table) {
		rest := bytes.TrimSuffix(line, []byte("\n"))
		for range 7 {
			rest = bytes.TrimLeft(rest, " ")
			_, rest, _ = bytes.Cut(rest, []byte(" "))
		}
		if len(rest) > 0 && rest[0] == '/' {
			paths = append(paths, string(rest))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
