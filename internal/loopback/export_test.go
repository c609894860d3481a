package loopback

// SetUser makes logins those of another user.
func SetUser(uid int) { euid = func() int { return uid } }
