package cli

import (
	"os"
	"strings"

	"golang.org/x/term"
	"rsc.io/qr"
)

// quietZone is the empty margin of a QR code, in modules (ISO/IEC 18004).
const quietZone = 4

// qrCode returns text as a QR code for standard error, or nothing where that is no terminal or the code does not fit in.
func (a *app) qrCode(text string) string {
	f, ok := a.env.Stderr.(*os.File)
	if !ok || a.env.getenv("TERM") == "dumb" {
		return ""
	}
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return ""
	}
	return drawQR(text, width, height, a.mayColour(f))
}

// drawQR draws a QR code with half blocks, two modules in a character, or returns nothing when it is larger than the
// given columns and lines. Light modules are drawn, dark ones are left out: that is right on a dark background, and
// with colour on any.
func drawQR(text string, columns, lines int, colour bool) string {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return ""
	}
	size := code.Size + 2*quietZone
	if size > columns || (size+1)/2 > lines {
		return ""
	}
	begin, end := "", ""
	if colour {
		begin, end = "\x1b[97;40m", "\x1b[0m"
	}
	light := func(x, y int) bool { return y < code.Size+quietZone && !code.Black(x, y) }
	var b strings.Builder
	for y := -quietZone; y < code.Size+quietZone; y += 2 {
		b.WriteString(begin)
		for x := -quietZone; x < code.Size+quietZone; x++ {
			b.WriteString(halfBlock(light(x, y), light(x, y+1)))
		}
		b.WriteString(end + "\n")
	}
	return b.String()
}

func halfBlock(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	default:
		return " "
	}
}
