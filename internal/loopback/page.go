package loopback

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"

	"authsome"
)

// style is the sheet of every page. The Content-Security-Policy names its digest, so no other can apply.
const style = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}` +
	`body{max-width:34rem;margin:4rem auto;padding:0 1.25rem}` +
	`h1{font-size:1.4rem}label{display:block;margin-top:1.25rem;font-weight:600}` +
	`input,textarea{box-sizing:border-box;width:100%;padding:.6rem;font:inherit;font-family:ui-monospace,monospace}` +
	`.hint{font-size:.9rem;margin:.25rem 0;opacity:.8}.problem{font-weight:600;margin:.25rem 0;color:#b3261e}` +
	`@media(prefers-color-scheme:dark){.problem{color:#ff8a80}}` +
	`.code{font:700 2rem/1.6 ui-monospace,monospace;letter-spacing:.1em;user-select:all}` +
	`input[pattern]:not(:placeholder-shown):invalid{border:2px solid #b3261e}` +
	`input[pattern]:not(:placeholder-shown):valid{border:2px solid #146c2e}` +
	`svg{width:12rem;height:12rem;background:#fff;display:block;margin:1rem 0}a:focus-visible,button:focus-visible,` +
	`input:focus-visible,textarea:focus-visible{outline:3px solid #1a73e8;outline-offset:2px}` +
	`button{margin:1.5rem .75rem 0 0;padding:.6rem 1.2rem;font:inherit}code{overflow-wrap:anywhere}`

// contentPolicy allows the style sheet and sending a form back here, and nothing else.
func contentPolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// page gathers HTML. Pages are written by hand, because linking html/template costs every start of the program 0.35 ms
// and there are two of them. What keeps that safe is that text gets in through add only, which escapes it, and that
// formats put it between tags or between double quotes.
type page struct{ strings.Builder }

// add writes the format with each %s replaced by the next text, escaped.
func (p *page) add(format string, texts ...string) {
	escaped := make([]any, len(texts))
	for i, t := range texts {
		escaped[i] = html.EscapeString(t)
	}
	fmt.Fprintf(p, format, escaped...)
}

func newPage(title string) *page {
	p := new(page)
	p.add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	p.add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	p.WriteString("<style>" + style + "</style>\n")
	p.add("<title>%s - authsome</title>\n</head>\n<body>\n<main>\n<h1>%s</h1>\n", title, title)
	return p
}

func (p *page) end() string {
	p.add("</main>\n</body>\n</html>\n")
	return p.String()
}

func writePage(w http.ResponseWriter, status int, content string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, content)
}

// resultPage tells how a login ended.
func resultPage(provider string, err error) string {
	const after = "<p>You can close this page and go back to the terminal.</p>\n"
	if err == nil {
		p := newPage("Connected to " + provider)
		p.add("<p role=\"status\">authsome has stored the credential in its encrypted vault on this computer.</p>\n" + after)
		return p.end()
	}
	title := "Not connected to " + provider
	if authsome.KindOf(err) == authsome.KindCancelled {
		title = "Login cancelled"
	}
	p := newPage(title)
	p.add("<p role=\"alert\">%s</p>\n", err.Error())
	if e, ok := errors.AsType[*authsome.Error](err); ok && e.Hint != "" {
		p.add("<p>What helps: %s</p>\n", e.Hint)
	}
	p.add(after)
	return p.end()
}

// formPage asks for fields. Problems are by field name; nothing that was sent before is shown again.
func formPage(cfg FormConfig, problems map[authsome.FieldName]string) string {
	p := newPage(cfg.Title)
	if len(problems) > 0 {
		p.add("<p class=\"problem\" role=\"alert\">Nothing has been stored yet: please correct what is marked and " +
			"enter every field again.</p>\n")
	}
	p.add("<p>What you enter goes to authsome on this computer, which keeps it in its encrypted vault. "+
		"It is sent to no one but %s.</p>\n", cfg.Provider)
	if strings.HasPrefix(cfg.Docs, "https://") {
		p.add("<p><a href=\"%s\" rel=\"noreferrer noopener\" target=\"_blank\">Where to get it at %s</a></p>\n",
			cfg.Docs, cfg.Provider)
	}
	if cfg.RedirectURI != "" {
		p.add("<p>Register this redirect URI there:<br><code>%s</code></p>\n", cfg.RedirectURI)
	}
	p.add("<form method=\"post\" autocomplete=\"off\" novalidate>\n")
	for i, f := range cfg.Fields {
		p.addField(f, problems[f.Name], i == 0)
	}
	p.add("<button type=\"submit\">Store</button>\n")
	p.add("<button type=\"submit\" name=\"%s\" value=\"yes\" formnovalidate>Cancel</button>\n</form>\n", cancelField)
	return p.end()
}

// addField writes a label, an input and what describes it.
func (p *page) addField(f authsome.Field, problem string, first bool) {
	name := string(f.Name)
	kind, note, described := "text", "", []string(nil)
	if f.Secret {
		kind = "password"
	}
	if f.Optional {
		note = " (optional)"
	}
	p.add("<label for=\"%s\">%s%s</label>\n", "field-"+name, f.Label, note)
	if hint := patternText(f); hint != "" {
		described = append(described, "hint-"+name)
		p.add("<p class=\"hint\" id=\"%s\">Format: %s</p>\n", "hint-"+name, hint)
	}
	if problem != "" {
		described = append(described, "problem-"+name)
		p.add("<p class=\"problem\" id=\"%s\" role=\"alert\">%s</p>\n", "problem-"+name, problem)
	}
	if f.File {
		p.add("<textarea id=\"%s\" name=\"%s\" rows=\"8\"", "field-"+name, name)
	} else {
		p.add("<input id=\"%s\" name=\"%s\" type=\"%s\"", "field-"+name, name, kind)
	}
	p.add(" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\"")
	if len(described) > 0 {
		p.add(" aria-describedby=\"%s\"", strings.Join(described, " "))
	}
	if problem != "" {
		p.add(" aria-invalid=\"true\"")
	}
	// The pattern only colours the field while it is typed into, for which no script is needed. It keeps nothing from being
	// sent, because the form is novalidate: what counts is the answer of the program.
	if pattern, ok := browserPattern(f.Pattern); ok && f.Pattern != "" && !f.File {
		p.add(" placeholder=\" \" pattern=\"%s\"", pattern)
	}
	if !f.Optional {
		p.add(" required")
	}
	if first {
		p.add(" autofocus")
	}
	if f.File {
		p.add("></textarea>\n<p class=\"hint\">Paste what the file holds.</p>\n")
		return
	}
	p.add(">\n")
}

// patternText puts a field's pattern in words, or shows it where there are none.
func patternText(f authsome.Field) string {
	if f.PatternHint != "" {
		return f.PatternHint
	}
	return f.Pattern
}
