package cli

import (
	"errors"
	"io"
	"io/fs"

	"authsome"
)

// output is the standard output of a command. It remembers that a write has failed, so that no place that prints has to
// care: a command whose answer did not arrive has failed.
type output struct {
	io.Writer
	err error // of the first write that failed
}

// Write passes on what is written, until something did not arrive.
func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.Writer.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// lost returns the error for an output that did not arrive, or nil.
func (o *output) lost() *authsome.Error {
	if o.err == nil {
		return nil
	}
	err := o.err
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err // the path says no more than that it is the output
	}
	return &authsome.Error{
		Kind: authsome.KindInternal, Message: "the output cannot be written: " + err.Error(), Err: o.err,
	}
}
