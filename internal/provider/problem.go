package provider

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a definition.
type Problem struct {
	Path    string // the field, such as "oauth.token_url" or "hosts[1]"; empty for the document as a whole
	Message string // what is expected there, and what was found
	Example string // a right value, as JSON; may be empty
}

// String returns the path and the message.
func (p Problem) String() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

// ValidationError lists everything that is wrong with a definition, in the order of the fields.
type ValidationError struct {
	Problems []Problem
}

// Error returns all problems in one line.
func (e *ValidationError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return "invalid provider definition: " + strings.Join(lines, "; ")
}

// report collects problems.
type report struct {
	problems []Problem
	known    map[string]bool // paths that the decoder has complained about
}

func (r *report) addf(path, format string, args ...any) {
	if r.known[path] {
		return
	}
	r.problems = append(r.problems, Problem{Path: path, Message: fmt.Sprintf(format, args...), Example: exampleOf(path)})
}

// mistyped records what the decoder found at a place, and keeps the validator from complaining about the field at path again, which is
// the same or has the place in it.
func (r *report) mistyped(path, at, format string, args ...any) {
	r.addf(at, format, args...)
	if r.known == nil {
		r.known = make(map[string]bool)
	}
	r.known[path] = true
}

func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &ValidationError{Problems: r.problems}
}
