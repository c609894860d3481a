package standing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"authsome/internal/atomicfile"
	"authsome/internal/proxy"
)

const (
	stateFile  = "state.json"
	socketFile = "control"
	// maxSocketPath is what fits into the address of a Unix socket on every system, 104 bytes with the NUL being the least.
	maxSocketPath = 100
)

// State is what a proxy keeps for its next start. Nothing in it is secret.
type State struct {
	Profile string        `json:"profile"`
	Project string        `json:"project,omitempty"` // its directory; empty: the proxy is shared
	Dir     string        `json:"dir,omitempty"`     // where it was started, and looks for the project's file
	Flags   []string      `json:"flags"`             // what it was started with
	Outward Outward       `json:"outward,omitzero"`
	Address string        `json:"address"`
	Socket  string        `json:"socket"`
	PID     int           `json:"pid"`
	Started time.Time     `json:"started"`
	Agents  []StoredAgent `json:"agents"`
}

// Outward is by what a proxy has found its way out: what the shell of an agent does not know any more.
type Outward struct {
	Variables []string `json:"variables,omitempty"` // NAME=value, about proxies and certificate authorities; no password
	Password  bool     `json:"password,omitempty"`  // of a proxy; it was in a variable, which is left out
}

// StoredAgent is an agent as it is kept.
type StoredAgent struct {
	Name    string    `json:"name"`
	Digest  string    `json:"password_sha256"` // hexadecimal; the password has 130 random bits
	Added   time.Time `json:"added"`
	Expires time.Time `json:"expires"`
}

// agent returns the agent as the proxy wants it.
func (a StoredAgent) agent() (proxy.Agent, error) {
	var digest proxy.Digest
	raw, err := hex.DecodeString(a.Digest)
	if err != nil || len(raw) != sha256.Size {
		return proxy.Agent{}, fmt.Errorf("the digest of the agent %s is damaged", a.Name)
	}
	copy(digest[:], raw)
	return proxy.Agent{Name: a.Name, Password: digest, Expires: a.Expires}, nil
}

// ErrDamaged is the error of a state that cannot be read.
var ErrDamaged = errors.New("the file is damaged")

// Read returns the state of the proxy of a directory. Without one the error is fs.ErrNotExist.
func Read(dir string) (*State, error) {
	content, err := atomicfile.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, err
	}
	s := &State{}
	if err := json.Unmarshal(content, s); err != nil {
		return nil, fmt.Errorf("read the state of the proxy in %s: %w (%w)", dir, ErrDamaged, err)
	}
	return s, nil
}

func (s *State) write(dir string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, stateFile), append(content, '\n'))
}

// CheckName reports what is wrong with the name of an agent. It goes into URLs, logs and commands.
func CheckName(name string) error {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(name) {
		return fmt.Errorf("an agent's name is made of up to 64 letters, digits, dots, hyphens and underscores, and %q is not", name)
	}
	return nil
}
