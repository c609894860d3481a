//go:build !windows

package keysource

import "io/fs"

// exposed reports whether group or others have any access.
func exposed(mode fs.FileMode) bool { return mode.Perm()&0o077 != 0 }
