package keysource

import (
	"errors"
	"fmt"

	"authsome/vault"
)

// ErrLocked says that the key is there and cannot be had now, because somebody has to unlock it and there is nobody to ask. It comes
// with vault.ErrUnavailable.
var ErrLocked = errors.New("the key is locked")

// Problem is an error with what a person can do about it.
type Problem struct {
	Message string
	// Advice is if possible a command to paste.
	Advice string
	// Cause is what has made it impossible; nil where the message says it all.
	Cause error
	Err   error // vault.ErrUnavailable, vault.ErrWrongKey or what wraps them
}

// Error returns the message and its cause.
func (p *Problem) Error() string { return fmt.Sprintf("%s: %v", p.Message, p.Err) }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Summary is the message and the cause, without the classes that programs tell errors by.
func (p *Problem) Summary() string {
	if p.Cause == nil {
		return p.Message
	}
	return fmt.Sprintf("%s: %v", p.Message, p.Cause)
}

// Hint returns the advice.
func (p *Problem) Hint() string { return p.Advice }

// locked is the failure to unlock something.
func locked(message, advice string, cause error) error {
	err := fmt.Errorf("%w: %w", vault.ErrUnavailable, ErrLocked)
	if cause != nil {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return &Problem{Message: message, Advice: advice, Cause: cause, Err: err}
}

// misfit says which key it is that does not open the vault, and what to do where that is known.
func misfit(where, advice string, err error) error {
	if errors.Is(err, vault.ErrWrongKey) {
		return &Problem{Message: where + " does not open the vault", Advice: advice, Err: err}
	}
	return fmt.Errorf("with %s: %w", where, err)
}

// unavailable is the failure to get a key for any other reason.
func unavailable(message, advice string, cause error) error {
	return &Problem{Message: message, Advice: advice, Cause: cause, Err: fmt.Errorf("%w: %w", vault.ErrUnavailable, cause)}
}
