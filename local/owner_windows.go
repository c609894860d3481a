package local

// ownVault has nothing to say: the profile of a user is protected by access control lists.
func ownVault(string) error { return nil }
