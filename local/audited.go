package local

import (
	"errors"

	"authsome"
)

// errNoRecorder is why nothing can be put on record where nobody takes it.
var errNoRecorder = errors.New("there is no recorder")

// Unaudited is the refusal to give a credential away whose use cannot be put on record.
func Unaudited(ref authsome.Ref, err error) *authsome.Error {
	return &authsome.Error{
		Kind: authsome.KindDenied, Ref: ref, Reason: authsome.ReasonAuditUnavailable, Err: err,
		Message: "the audit log cannot be written, and audit_required is set: " + err.Error(),
		Hint:    "authsome doctor says what is wrong with the log",
	}
}

// recordUse puts on record that a credential is given away, before it is, where that is required.
func (l *Layer) recordUse(ref authsome.Ref) error {
	if !l.auditRequired {
		return nil
	}
	err := errNoRecorder
	if l.recorder != nil {
		err = l.recorder.Record(authsome.Event{Time: l.now().UTC(), Name: authsome.EventUse, Ref: ref})
	}
	if err != nil {
		return Unaudited(ref, err)
	}
	return nil
}
