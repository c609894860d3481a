package oauth

import "time"

// Class says what a failure means for the login, and so what to do about it.
type Class string

// The classes of failure.
const (
	// ClassGrant: the code or the refresh token is not accepted any more. Only a new login helps.
	ClassGrant Class = "grant"
	// ClassClient: the client is unknown or its secret is wrong. The grant may live on: a corrected secret can heal it.
	ClassClient Class = "client"
	// ClassRequest: the server understood and objects to the request. Asking again alike is of no use; nothing is lost.
	ClassRequest Class = "request"
	// ClassTransient: the request was not processed, for a reason that passes.
	ClassTransient Class = "transient"
	// ClassAmbiguous: the request may have been processed, but its answer was lost. A rotating refresh token may be
	// used up.
	ClassAmbiguous Class = "ambiguous"
)

// Error is a request that failed, or that was not sent. Every error of the methods of [Client] and [Discoverer] is one, as are those
// of [ParseRedirect]; what reads keys and tokens fails with errors of other kinds.
type Error struct {
	Class       Class
	Code        string        // error of RFC 6749 sections 4.1.2.1 and 5.2, or the server's own word; may be empty
	Description string        // error_description or what the server has instead; may be empty
	Status      int           // of HTTP; 0 when there was no answer
	RetryAfter  time.Duration // how long the server asks to be left alone, RFC 9110 section 10.2.3; 0 unknown
	Reason      string        // the failure in a few words, for people and for the audit log; never empty
	Err         error         // the cause, where there is one; it names no URL and holds no secret
	// Rotated holds the refresh token, and no access token, of an answer to a refresh whose access token is of no use. The
	// refresh token has taken the place of the one that was sent and must be kept. It is nil for any other failure.
	Rotated *Token

	op        string        // what was attempted
	clockSkew time.Duration // of the answer, as [Token] has it
}

// Error returns what was attempted and the reason.
func (e *Error) Error() string {
	if e.op == "" {
		return e.Reason
	}
	return e.op + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// refused is a request that this package will not send, or an answer that it will not take.
func refused(op, reason string) *Error {
	return &Error{Class: ClassRequest, Reason: reason, op: op}
}
