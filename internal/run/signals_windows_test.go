package run

// signalRoles is empty: Windows has no signals.
func signalRoles() map[string]func([]string) int { return nil }
