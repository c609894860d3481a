package standing

// checkPlace finds nothing wrong: the directory of temporary files is the user's own.
func checkPlace(_, _ string) error { return nil }
