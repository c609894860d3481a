package cli

import (
	"bytes"
	"strings"
	"testing"

	"authsome"
)

// Servers, definitions and files have their words in what is said. Whatever they are, they do not steer the terminal, write over
// what was there, or turn the direction of the writing.
func TestNothingThatIsSaidSteersTheTerminal(t *testing.T) {
	t.Parallel()
	const hostile = "a\x1b]0;owned\x07\x1b[2J\u009b31m\r\u202eb\x7f\u2028c\x00"
	for name, say := range map[string]func(*app){
		"say":   func(a *app) { a.say("x %s", hostile) },
		"tell":  func(a *app) { a.tell("x %s", hostile) },
		"warn":  func(a *app) { a.warn(&authsome.Error{Message: hostile, Hint: hostile}) },
		"fail":  func(a *app) { a.printErrorText(&authsome.Error{Message: hostile, Hint: hostile}) },
		"ask":   func(a *app) { (&terminal{out: a.env.Stderr}).prompt(hostile) },
		"table": func(a *app) { _ = a.table([][]string{{hostile}}) },
	} {
		var out bytes.Buffer
		a := newApp(Env{Stdout: &out, Stderr: &out, Environ: []string{"NO_COLOR=1"}})
		say(a)
		said := out.String()
		if strings.ContainsAny(said, "\x1b\x07\u009b\r\u202e\x7f\u2028\x00") || !strings.Contains(said, `a\u001b]0;owned`) {
			t.Errorf("%s: %q", name, said)
		}
	}
	const lines = "one\n\ttwo — “quoted” ✓\n\n  three"
	if got := forPeople(lines); got != lines {
		t.Errorf("%q became %q", lines, got)
	}
}
