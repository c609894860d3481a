package cli

import (
	"time"

	"authsome/internal/span"
)

// length is the value of a flag that is a length of time, in days (7d) or smaller units (12h), and never less than none. It is a
// [pflag.Value].
type length time.Duration

// String returns what the flag is set to.
func (l *length) String() string { return span.Short(time.Duration(*l)) }

// Set reads what the flag is given.
func (l *length) Set(s string) error {
	d, err := span.Parse(s)
	if err == nil {
		*l = length(d)
	}
	return err
}

// Type is what the help has behind the name of the flag.
func (l *length) Type() string { return "duration" }
