package agent

import "errors"

const (
	// socketFile is where clients find the agent, in the directory of the home's sockets and locks.
	socketFile = "agent.sock"
	// LockFile is locked by the agent of the home for as long as it lives, by a lock that ends with it whatever happens.
	LockFile = "agent.lock"
)

// errNoAgent: nobody listens.
var errNoAgent = errors.New("no agent is running")

// errStranger: another user is at the other end.
var errStranger = errors.New("the process at the other end belongs to another user")
