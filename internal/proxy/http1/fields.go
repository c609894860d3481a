package http1

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
)

// writeStatus writes the status line; why is put behind the usual words.
func writeStatus(bw *bufio.Writer, status int, why string) {
	if status == http.StatusOK {
		_, _ = bw.WriteString("HTTP/1.1 200 OK\r\n")
		return
	}
	_, _ = fmt.Fprintf(bw, "HTTP/1.1 %03d %s", status, http.StatusText(status))
	if why != "" {
		_, _ = fmt.Fprintf(bw, " (%s)", why)
	}
	_, _ = bw.WriteString("\r\n")
}

// maxPhrase bounds what is said in a status line.
const maxPhrase = 256

// phrase makes a text one that may stand in a status line (RFC 9112 section 4).
func phrase(text string) string {
	visible := func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}
	text = strings.Map(visible, text)
	return text[:min(len(text), maxPhrase)]
}

// writeFields writes the handler's fields, except those that are of the connection and not of the message.
func (w *response) writeFields(skip []string) {
	for name, values := range w.header {
		switch {
		case name == "Connection" || name == "Transfer-Encoding" || strings.HasPrefix(name, http.TrailerPrefix):
			continue
		case len(skip) > 0 && name == skip[0]:
			continue
		case w.isTrailer(name):
			continue
		}
		writeField(w.c.bw, name, values)
	}
}

func writeField(bw *bufio.Writer, name string, values []string) {
	if !isToken(name) {
		return
	}
	for _, v := range values {
		if hasControl(v) && strings.ContainsAny(v, "\r\n\x00") {
			continue // it would end the field and begin another
		}
		putField(bw, name, v)
	}
}

func putField(bw *bufio.Writer, name, value string) {
	_, _ = bw.WriteString(name)
	_, _ = bw.WriteString(": ")
	_, _ = bw.WriteString(value)
	_, _ = bw.WriteString("\r\n")
}

// isTrailer reports whether the handler has announced the field for the trailer section, RFC 9110 section 6.6.2.
func (w *response) isTrailer(name string) bool {
	for _, list := range w.header["Trailer"] {
		for announced := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(announced), name) {
				return true
			}
		}
	}
	return false
}

// skipped names the field that does not go with the framing: a 204 has no length, RFC 9110 section 8.6.
func (w *response) skipped(status int) []string {
	if w.framing == framingChunked || w.framing == framingClose || status == http.StatusNoContent {
		return []string{"Content-Length"}
	}
	return nil
}

// writeTrailer ends a chunked body with its trailer section, RFC 9112 section 7.1.2.
func (w *response) writeTrailer() {
	bw := w.c.bw
	_, _ = bw.WriteString("0\r\n")
	for name, values := range w.header {
		if after, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			writeField(bw, after, values)
		} else if w.isTrailer(name) {
			writeField(bw, name, values)
		}
	}
	_, _ = bw.WriteString("\r\n")
}
