package sqlite_test

import "context"

// The tests that need these tasks are about limits of POSIX systems.
func fillDisk(context.Context, string) error { return nil }
func readOnly(context.Context, string) error { return nil }
