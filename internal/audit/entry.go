package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"authsome"
)

// Entry is one line of the log, as it was read. Its strings are what was recorded; pass them through [Printable], or
// use [Entry.Columns], before a terminal sees them.
type Entry struct {
	Time   time.Time // UTC
	Event  authsome.EventName
	Ref    authsome.Ref
	Status string // StatusSuccess or StatusFailure
	Reason string // on failure
	Seq    uint64 // its number; 0 in a log of a version that did not count
	Chain  string // its value in the chain; see [Log.Verify]
	Sealed string // reason and details, where they could not be opened; empty where they were, or never sealed
	// Details are all other fields, those of later versions included, ordered by name.
	Details []Detail
}

// Detail is a field that not every entry has.
type Detail struct {
	Name  string
	Value json.RawMessage
}

// Text returns the value for people: a string without its quotes, anything else as JSON. It is printable.
func (d Detail) Text() string {
	var s string
	if json.Unmarshal(d.Value, &s) != nil {
		s = string(d.Value)
	}
	return Printable(s)
}

// Header names the columns of [Entry.Columns].
func Header() []string {
	return []string{"TIME", "EVENT", "PROVIDER", "CONNECTION", "PROFILE", "STATUS", "DETAILS"}
}

// Columns returns the entry for people, in the order of [Header]: the last column holds the reason and the details.
// Every column is printable.
func (e Entry) Columns() []string {
	var last []string
	if e.Reason != "" {
		last = append(last, Printable(e.Reason))
	}
	for _, d := range e.Details {
		last = append(last, Printable(d.Name)+"="+d.Text())
	}
	if e.Sealed != "" {
		last = append(last, "(sealed)")
	}
	return []string{
		e.Time.UTC().Format(time.RFC3339), Printable(string(e.Event)), Printable(string(e.Ref.Provider)),
		Printable(string(e.Ref.Connection)), Printable(string(e.Ref.Profile)), Printable(e.Status),
		strings.Join(last, " "),
	}
}

// Printable replaces every character that a terminal may act upon, line ends among them, by its \u escape.
func Printable(s string) string {
	if !strings.ContainsFunc(s, isUnsafe) {
		return s
	}
	b := make([]byte, 0, len(s)+8)
	for _, r := range s {
		if isUnsafe(r) {
			b = appendEscape(b, r)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// UnmarshalJSON reads a line. It fails when a field of every entry is missing or malformed, but for reason.
func (e *Entry) UnmarshalJSON(line []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return err
	}
	var at string
	*e = Entry{}
	err := errors.Join(
		take(fields, "timestamp", &at), take(fields, "event", &e.Event), take(fields, "provider", &e.Ref.Provider),
		take(fields, "connection", &e.Ref.Connection), take(fields, "profile", &e.Ref.Profile),
		take(fields, "status", &e.Status),
	)
	if fields["reason"] != nil {
		err = errors.Join(err, take(fields, "reason", &e.Reason))
	}
	if fields["sealed"] != nil {
		err = errors.Join(err, take(fields, "sealed", &e.Sealed))
	}
	err = errors.Join(err, e.takeLink(fields))
	if err != nil {
		return err
	}
	if e.Time, err = time.Parse(time.RFC3339, at); err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	e.Time = e.Time.UTC()
	e.takeDetails(fields)
	return nil
}

func (e *Entry) takeDetails(fields map[string]json.RawMessage) {
	for name, value := range fields {
		e.Details = append(e.Details, Detail{Name: name, Value: value})
	}
	slices.SortFunc(e.Details, func(a, b Detail) int { return strings.Compare(a.Name, b.Name) })
}

// takeLink moves the number and the chain value out of fields.
func (e *Entry) takeLink(fields map[string]json.RawMessage) error {
	if fields["seq"] == nil || fields["chain"] == nil {
		return nil
	}
	if err := json.Unmarshal(fields["seq"], &e.Seq); err != nil {
		return fmt.Errorf("seq: %w", err)
	}
	delete(fields, "seq")
	return take(fields, "chain", &e.Chain)
}

// take moves a field that must be a string out of fields.
func take[S ~string](fields map[string]json.RawMessage, name string, to *S) error {
	raw, ok := fields[name]
	if !ok {
		return fmt.Errorf("%s is missing", name)
	}
	delete(fields, name)
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// MarshalJSON writes the entry as the log does, in one line that is safe to print.
func (e Entry) MarshalJSON() ([]byte, error) {
	line := appendEntry(nil, authsome.Event{
		Time: e.Time, Name: e.Event, Ref: e.Ref, Failed: e.Status == StatusFailure, Reason: e.Reason,
	}, e.Time)
	line = bytes.TrimSuffix(line, []byte("}\n"))
	if e.Sealed != "" { // the reason is in there
		line, _ = splitDetails(line)
		line = appendString(append(line, `,"sealed":`...), e.Sealed)
	}
	for _, d := range e.Details {
		line = append(line, ',')
		line = appendString(line, d.Name)
		line = append(line, ':')
		compact := new(bytes.Buffer)
		if err := json.Compact(compact, d.Value); err != nil {
			return nil, fmt.Errorf("detail %s: %w", Printable(d.Name), err)
		}
		// Unsafe characters can only stand inside strings, where an escape means the same.
		line = append(line, Printable(compact.String())...)
	}
	if e.Chain != "" {
		line = strconv.AppendUint(append(line, seqField...), e.Seq, 10)
		line = appendField(line, "chain", e.Chain)
	}
	return append(line, '}'), nil
}
