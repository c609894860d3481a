package oauth

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"authsome"
)

// minSecret is the length, in bytes, below which a value is not looked for in text: as short as that it protects nothing,
// and occurs everywhere.
const minSecret = 4

// maxShort bounds, in bytes, what is kept of a server's words outside the debug log.
const maxShort = 500

// redactor replaces secrets in text, in every form they are likely to come back in.
type redactor struct {
	values   []string
	replacer *strings.Replacer
}

func newRedactor(values ...string) redactor {
	var forms []string
	for _, v := range values {
		if len(v) >= minSecret {
			forms = append(forms, formsOf(v)...)
		}
	}
	// The longer first: one form can be the beginning of another.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(forms))
	for _, f := range forms {
		pairs = append(pairs, f, authsome.Redacted)
	}
	return redactor{values: values, replacer: strings.NewReplacer(pairs...)}
}

// with returns a redactor that knows more.
func (r redactor) with(values ...string) redactor {
	return newRedactor(append(slices.Clone(r.values), values...)...)
}

// text returns s without the secrets.
func (r redactor) text(s string) string {
	if r.replacer == nil {
		return s
	}
	return r.replacer.Replace(s)
}

// short returns s without secrets and control characters, and not too long.
func (r redactor) short(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, r.text(s))
	s = strings.TrimSpace(strings.ToValidUTF8(s, "?"))
	if len(s) > maxShort {
		s = strings.ToValidUTF8(s[:maxShort], "") + "…"
	}
	return s
}

// formsOf returns a value as it is, percent-encoded, in base64, and escaped as in JSON.
func formsOf(v string) []string {
	query, path := url.QueryEscape(v), url.PathEscape(v)
	forms := []string{
		v, query, path, lowerHex(query), lowerHex(path),
		base64.StdEncoding.EncodeToString([]byte(v)), base64.RawStdEncoding.EncodeToString([]byte(v)),
		base64.URLEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)),
	}
	for _, escapeHTML := range []bool{true, false} {
		inner := jsonEscaped(v, escapeHTML)
		forms = append(forms, inner, strings.ReplaceAll(inner, "/", `\/`))
	}
	return forms
}

// jsonEscaped returns v as it stands between the quotes of a JSON string.
func jsonEscaped(v string, escapeHTML bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	_ = e.Encode(v) // a string cannot fail
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

// lowerHex writes percent-encoding in lower case, as some servers do.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(s[i+1:i+3]))
		}
	}
	return string(b)
}

// tokensIn finds what an answer, whole or cut off, names as a secret, in JSON or in a form.
func tokensIn(body string) []string {
	named := regexp.MustCompile(`(?i)(?:access_token|refresh_token|id_token|client_secret|code_verifier|device_code)` +
		`[\\"']*\s*[:=]\s*[\\"']*((?:\\[^"']|[^"'&\\\s<>,}])+)`)
	var values []string
	for _, match := range named.FindAllStringSubmatch(body, -1) {
		v := match[1]
		if v == "null" || v == "true" || v == "false" {
			continue
		}
		values = append(values, v)
		var unescaped string
		if json.Unmarshal([]byte(`"`+v+`"`), &unescaped) == nil {
			values = append(values, unescaped)
		}
	}
	return values
}
