package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// printer writes the transcript.
type printer struct {
	w       io.Writer
	colour  bool
	written strings.Builder // all of it, to be searched for what must not be there
	err     error           // the first failure to write
}

func newPrinter(w io.Writer, colour bool) *printer { return &printer{w: w, colour: colour} }

// Colours, as SGR parameters.
const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
	cyan  = "36"
)

const (
	indent = "   "
	// longest is where a line of output is cut: authorization requests are long and tell a reader nothing.
	longest = 132
)

func (p *printer) prologue(s *stage) {
	p.print("", "Acme is an OAuth provider at "+s.issuer+" with an HTTPS API at "+s.apiAt+".")
	p.print("", "Both live on this computer, for this demo only. Everything else is the real authsome.")
}

func (p *printer) heading(number int, title string) {
	p.print("", "")
	p.print(bold, fmt.Sprintf("%d. %s", number, title))
}

func (p *printer) command(line string) { p.print(cyan, indent+"$ "+line) }

func (p *printer) note(text string) { p.print(dim, indent+"  ("+text+")") }

// output writes what a command has written, line by line.
func (p *printer) output(text string) {
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		p.print(dim, strings.TrimRight(indent+"  "+shortened(strings.TrimRight(line, "\n")), " "))
	}
}

func shortened(line string) string {
	if utf8.RuneCountInString(line) <= longest {
		return line
	}
	return string([]rune(line)[:longest-1]) + "…"
}

func (p *printer) verified(what string) { p.print(green, indent+"✓ "+what) }

func (p *printer) failed(err error) { p.print(red, indent+"✗ "+err.Error()) }

func (p *printer) epilogue(steps int, took time.Duration) {
	p.print("", "")
	p.print(bold, fmt.Sprintf("All %d steps verified in %.1f s. The same for real: authsome login github", steps, took.Seconds()))
}

// print writes a line.
func (p *printer) print(colour, line string) {
	if p.err != nil {
		return
	}
	p.written.WriteString(line + "\n")
	if p.colour && colour != "" && line != "" {
		line = "\x1b[" + colour + "m" + line + "\x1b[0m"
	}
	_, p.err = io.WriteString(p.w, line+"\n")
}
