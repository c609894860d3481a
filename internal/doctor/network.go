package doctor

// NetworkFileSystem returns what kind of network file system a directory lies on, such as "NFS", or "" for a local one
// and where that cannot be told.
func NetworkFileSystem(dir string) string {
	found, err := statFileSystem(dir)
	if err != nil {
		return ""
	}
	return found.network
}
