// Package helper is what authsome and the programs that keep keys for it say to one another. Such a program is a program
// of its own because what it is made of is too large, or too slow to load, for one that starts a hundred times a minute.
//
// A helper is called with the operation as its only argument: "encrypt", "decrypt" or "describe". It reads one [Request] as
// JSON from standard input, writes one [Answer] as JSON to standard output, and ends with exit code 0, also if it could not
// do what it was asked for. What it writes to standard error is for people.
package helper

// Operations.
const (
	Encrypt  = "encrypt"
	Decrypt  = "decrypt"
	Describe = "describe" // of age: returns the recipients of an identity
)

// Request is what a helper is asked.
type Request struct {
	// Key is the URL of a key of a key management service.
	Key string `json:"key,omitempty"`
	// Identity is the path of an identity file of age or SSH, Recipients are whom to encrypt to.
	Identity   string   `json:"identity,omitempty"`
	Recipients []string `json:"recipients,omitempty"`
	// Passphrase opens the identity file. It is given when the helper has asked for it.
	Passphrase string `json:"passphrase,omitempty"`
	// Terminal says that there is a person at the terminal, whom a plugin may talk to.
	Terminal bool `json:"terminal,omitempty"`
	// Data is what to encrypt or decrypt.
	Data []byte `json:"data,omitempty"`
}

// Answer is what a helper answers: data, recipients, or what is wrong.
type Answer struct {
	Data       []byte   `json:"data,omitempty"`
	Recipients []string `json:"recipients,omitempty"`
	// Ask is set when the same request with a passphrase may succeed.
	Ask bool `json:"ask,omitempty"`
	// Error is what went wrong, Hint what to do about it.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
	// Refused says that this key does not decrypt the data, now or later.
	Refused bool `json:"refused,omitempty"`
}
