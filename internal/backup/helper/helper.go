// Package helper is what authsome and the program authsome-age say to one another when a backup is written or read. The
// program is one of its own because what it is made of would cost every start of authsome.
//
// It is called with the operation as its only argument, and reads a line from standard input, a [Request] as JSON. What
// follows is encrypted or decrypted to standard output. When that cannot be done as a whole it writes a line to standard
// error, a [Failure] as JSON, and exits with 1: what it has put out until then is not to be used.
package helper

// Operations.
const (
	Seal = "seal"
	Open = "open"
)

// Program is the name of the helper, which is installed beside authsome.
const Program = "authsome-age"

// Request says for whom to encrypt, or what decrypts.
type Request struct {
	// Recipients are age recipients and SSH public keys. Without one, Passphrase is what to encrypt to.
	Recipients []string `json:"recipients,omitempty"`
	// Identities are the contents of files of age identities and SSH private keys. Without one, Passphrase is what opens.
	Identities [][]byte `json:"identities,omitempty"`
	// Passphrase is that of the backup, or of an SSH private key among the identities.
	Passphrase string `json:"passphrase,omitempty"`
}

// Kind classifies a failure.
type Kind string

// The kinds of failure.
const (
	WrongKey Kind = "wrong_key" // it is encrypted for somebody else
	Damaged  Kind = "damaged"   // it is not what was encrypted
	Usage    Kind = "usage"     // a recipient or an identity is malformed
	Ask      Kind = "ask"       // an identity needs its passphrase
)

// Failure is why nothing came of it.
type Failure struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
}
