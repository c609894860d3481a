package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"authsome/internal/audit"
)

// object is a JSON object whose members keep their order, so that people can read it too.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in order. The zero time becomes null.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeJSON(&b, m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := writeJSON(&b, jsonValue(m.value)); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// writeJSON appends a value. Commands in hints have <, > and & in them, and people read them there.
func writeJSON(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line break that an Encoder adds
	return nil
}

func jsonValue(v any) any {
	switch v := v.(type) {
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return v.UTC().Format(time.RFC3339)
	case []string:
		if v == nil {
			return []string{}
		}
	}
	return v
}

// get returns a member's value.
func (o object) get(name string) (any, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// set replaces a member's value.
func (o object) set(name string, value any) {
	for i := range o {
		if o[i].name == name {
			o[i].value = value
		}
	}
}

// names lists the members.
func (o object) names() []string {
	names := make([]string, len(o))
	for i, m := range o {
		names[i] = m.name
	}
	return names
}

// text is the bare form of a value, as --field prints it.
func text(v any) string {
	switch v := v.(type) {
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339)
	case []string:
		return strings.Join(v, ",")
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}

// printJSON writes one document.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printMembers writes the members that have a value, one a line.
func (a *app) printMembers(o object) error {
	var rows [][]string
	for _, m := range o {
		if t := text(m.value); t != "" {
			rows = append(rows, []string{m.name, t})
		}
	}
	return a.table(rows)
}

// table writes rows in columns.
func (a *app) table(rows [][]string) error {
	var b bytes.Buffer // a tabwriter writes cell by cell
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = audit.Printable(cell)
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := a.out.Write(b.Bytes())
	return err
}

// say prints chatter: what happened, for people who watch.
func (a *app) say(format string, args ...any) {
	if !a.flags.quiet && !a.flags.json {
		fmt.Fprintln(a.out, forPeople(fmt.Sprintf(format, args...)))
	}
}

// sayReady prints, also with --quiet, that a process that stays can be used now: whoever has started it waits for that.
func (a *app) sayReady(line string, details object) {
	if a.flags.json {
		_ = a.printJSON(append(object{{"status", "ready"}}, details...)) // who does not listen is not waiting
		return
	}
	a.printf("%s\n", line)
}

// tell prints what a person must do; it goes to standard error, also with --json.
func (a *app) tell(format string, args ...any) {
	fmt.Fprintln(a.env.Stderr, forPeople(fmt.Sprintf(format, args...)))
}

// forPeople returns text of one or more lines as a terminal may see it. What servers, definitions and files have put into it
// does not steer the terminal.
func forPeople(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		end := strings.IndexAny(s, "\n\t")
		if end < 0 {
			end = len(s)
		}
		b.WriteString(audit.Printable(s[:end]))
		b.WriteString(s[end:min(end+1, len(s))])
		s = s[min(end+1, len(s)):]
	}
	return b.String()
}

// Colours, as SGR parameters.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint colours text that goes to standard error, if that is a terminal that may be coloured.
func (a *app) paint(colour, s string) string {
	if !a.mayColour(a.env.Stderr) {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// mayColour reports whether a stream is a terminal that may be coloured.
func (a *app) mayColour(stream any) bool {
	return !a.flags.noColor && a.env.getenv("NO_COLOR") == "" && a.env.getenv("TERM") != "dumb" && isTerminal(stream)
}

// columns is the width of the terminal that standard output is, or 0 where it is none.
func (a *app) columns() int {
	f, ok := a.env.Stdout.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// printf prints data, also with --quiet.
func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }
