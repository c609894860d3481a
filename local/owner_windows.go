package local

// OwnFile has nothing to say: the profile of a user is protected by access control lists.
func OwnFile(string) error { return nil }
