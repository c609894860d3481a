package doctor

import "io/fs"

// hasModes says that the mode of a file does not govern access to it.
const hasModes = false

func ownerOf(fs.FileInfo) (uid int, known bool) { return 0, false }

// mayCreateIn always succeeds: only the attempt would tell.
func mayCreateIn(string) error { return nil }
