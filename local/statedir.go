package local

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"runtime"
)

// StateDir returns the directory of this user and machine, outside every home, that Config.State should be: in
// $XDG_STATE_HOME or .local/state, in Library/Application Support on macOS, in %LocalAppData% on Windows. It is empty where
// the environment names none.
func StateDir(getenv func(string) string) string {
	var dir string
	switch runtime.GOOS {
	case "windows":
		dir = getenv("LOCALAPPDATA")
	case "darwin", "ios":
		dir = below(getenv("HOME"), "Library", "Application Support")
	default:
		if dir = getenv("XDG_STATE_HOME"); !filepath.IsAbs(dir) { // the specification ignores others
			dir = below(getenv("HOME"), ".local", "state")
		}
	}
	return below(dir, "authsome")
}

// below returns a path in a directory, if there is one.
func below(dir string, names ...string) string {
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(append([]string{dir}, names...)...)
}

// witnessPath names the file in a state directory that says how far the vault of a home has got on this machine. Copies of
// a home that lie elsewhere have files of their own, since each goes its own way.
func witnessPath(state, home string) string {
	abs, err := filepath.Abs(home)
	if state == "" || err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(state, "marks", hex.EncodeToString(sum[:16]))
}

// auditWitnessSuffix makes the name of the file about the audit log of the name of the one about the vault.
const auditWitnessSuffix = "-audit"

// AuditWitness names the file in a state directory, see [StateDir], that says how far the audit log of a home has got on this
// machine. It is empty where there is no such directory.
func AuditWitness(state, home string) string {
	path := witnessPath(state, home)
	if path == "" {
		return ""
	}
	return path + auditWitnessSuffix
}
