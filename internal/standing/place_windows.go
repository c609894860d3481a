package standing

import "os"

// shortTempDir is where a directory for a socket may be made.
func shortTempDir() string { return os.TempDir() }

// checkPlace finds nothing wrong: the directory of temporary files is the user's own.
func checkPlace(_, _ string) error { return nil }
