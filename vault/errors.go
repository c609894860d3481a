package vault

import "errors"

// What callers tell apart with errors.Is. Every error of this package, of a [Store] and of a [KeySource] wraps at most
// one of them and keeps its cause.
var (
	// ErrNotFound: there is no record of that key.
	ErrNotFound = errors.New("no such record")
	// ErrConflict: the record is not at the version the caller saw; nothing was written.
	ErrConflict = errors.New("the record has changed meanwhile")
	// ErrWrongKey: the key source does not open this vault, or has no key though the vault was sealed with one.
	ErrWrongKey = errors.New("the key does not open the vault")
	// ErrCorrupt: what is stored is not what was written: truncated, damaged or tampered with.
	ErrCorrupt = errors.New("the vault is damaged")
	// ErrUnavailable: the vault or its key cannot be used now: read-only, full, locked, or not permitted.
	ErrUnavailable = errors.New("the vault cannot be used")
	// ErrRolledBack: the vault is whole, but not the one that was used here last: an earlier state of it or another one.
	ErrRolledBack = errors.New("the vault is not the one that was used last")
	// ErrNewer: the vault was written by a later version of this program, which this one must not touch.
	ErrNewer = errors.New("the vault was made by a newer version")
)
