// Package agent keeps the unlocked key of a home in a process of its own, so that a passphrase is asked for once and not by
// every command, in the way of ssh-agent.
//
// [Run] is the life of that process, [Client] what the commands use; package cli makes of it the cache of unlocked keys that
// package keysource wants. One home has one agent: who holds the lock of the home's agent owns its socket.
//
// What it promises: a key is in memory that is not swapped and, on Linux and macOS, not to be read by other processes of the
// user, and in no other memory of the agent (memory.go). It is overwritten when it has not been used for a while, at the end of its
// life, when somebody says so, and when the agent ends (keyring.go). Only processes of the same user get an answer
// (endpoint_unix.go), and if a person is to agree to each use, only while there is one who does (gate.go). No client
// can make another one wait (server.go). The agent knows nothing of vaults, passphrases or tokens.
package agent
