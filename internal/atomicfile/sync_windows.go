package atomicfile

// SyncDir does nothing: directories cannot be synced, and the file system journals their changes.
func SyncDir(string) error { return nil }
