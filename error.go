package authsome

import "errors"

// Kind classifies an [Error] for programs: the exit code of the command follows from it.
type Kind string

// The kinds of failure. The empty Kind is any other failure.
const (
	KindInternal           Kind = "internal"             // a fault of authsome or of the machine
	KindUsage              Kind = "usage"                // the request itself is malformed
	KindProviderNotFound   Kind = "provider_not_found"   // no definition of that name
	KindLoginFailed        Kind = "login_failed"         // the login did not come about, and nobody has cancelled it
	KindConnectionNotFound Kind = "connection_not_found" // nobody has logged in under that name
	KindRefreshFailed      Kind = "refresh_failed"       // the credential has expired and cannot be renewed now
	KindVaultUnavailable   Kind = "vault_unavailable"    // the vault is locked, corrupt, or sealed with another key
	KindCancelled          Kind = "cancelled"            // the person gave up
	KindUnreachable        Kind = "unreachable"          // what was asked does not answer: a proxy, an agent, a server
	KindDenied             Kind = "denied"               // a policy forbids it
)

// ReasonAuditUnavailable is the Reason of an [Error] of [KindDenied] where the use of a credential cannot be put on record,
// and the user has chosen that it is not given away then.
const ReasonAuditUnavailable = "audit_unavailable"

// Error is what every function of this module returns when a person can act on the failure. Message is for people,
// Kind and Reason are for programs, and Err keeps the cause for errors.Is, errors.As and the debug log.
type Error struct {
	Kind    Kind
	Message string // lowercase, complete, without the reason of Err
	Hint    string // a command or an action that mends it; may be empty
	Reason  string // the machine-readable cause, such as an error code of RFC 6749 section 5.2; may be empty
	Ref     Ref    // the connection concerned; its fields may be empty
	Err     error  // the cause; may be nil
}

// Error returns the message alone: it is complete, and the cause may hold what only a debug log should.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns the first [Error] in err's tree, or one of [KindInternal] that wraps err.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: KindInternal, Message: err.Error(), Err: err}
}

// KindOf returns the Kind of the first [Error] in err's tree, or [KindInternal] when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != "" {
		return e.Kind
	}
	return KindInternal
}
