package agent

import (
	"fmt"
	"strings"
	"unicode"
)

// Caller is the process at the other end of a connection, as far as the system tells.
type Caller struct {
	PID     int
	Command string // what it says of itself: its arguments, or its program; may be empty
	Parents string // the programs that have started it, the nearest first; may be empty
}

// String describes a caller for a person. A process may call itself what it likes: nothing in it leaves the line.
func (c Caller) String() string {
	text := fmt.Sprintf("process %d", c.PID)
	if c.Command != "" {
		text = fmt.Sprintf("%s (process %d)", printable(c.Command), c.PID)
	}
	if c.Parents != "" {
		text += ", started by " + printable(c.Parents)
	}
	return text
}

// maxShown is how many characters of a name are shown.
const maxShown = 120

// printable leaves nothing that moves a cursor, hides or turns text around.
func printable(s string) string {
	shown := 0
	s = strings.ToValidUTF8(s, "?")
	var b strings.Builder
	for _, r := range s {
		if shown == maxShown {
			b.WriteString("…")
			break
		}
		shown++
		if !unicode.IsPrint(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}
