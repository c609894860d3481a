package standing

import (
	"time"

	"authsome/internal/run"
)

// AddRequest asks for access for an agent.
type AddRequest struct {
	Name    string        `json:"name"`    // empty: the first free one of agent-1, agent-2, …
	Replace bool          `json:"replace"` // end the access of that name that there is
	Life    time.Duration `json:"life"`    // how long it is good, in nanoseconds on the wire
}

// Access is what an agent needs. Password is told once; the one in Settings is empty.
type Access struct {
	Name     string       `json:"name"`
	Password string       `json:"password"`
	Expires  time.Time    `json:"expires"`
	Settings run.Settings `json:"settings"`
}

// Status is what a proxy says of itself.
type Status struct {
	State
	Renews time.Time     `json:"renews"` // when the certificate authority is replaced
	Agents []AgentStatus `json:"agent_status"`
}

// AgentStatus is what a proxy says of an agent.
type AgentStatus struct {
	Name        string    `json:"name"`
	Added       time.Time `json:"added"`
	Expires     time.Time `json:"expires"`
	Connections int       `json:"connections"`
	LastSeen    time.Time `json:"last_seen"`
}

// failure is an error on its way over the socket.
type failure struct {
	Kind    string `json:"error"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}
