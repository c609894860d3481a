package redact

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"authsome"
)

// FormsOf returns the forms in which the secrets of a credential can come back. Fields that its provider calls public are no secrets.
func FormsOf(c *authsome.Credential) []string {
	forms := Forms(c.Value.Reveal())
	for name, v := range c.Fields {
		if !isPublic(name) && !slices.Contains(c.Public, name) {
			forms = append(forms, Forms(v.Reveal())...)
		}
	}
	for _, way := range waysOf(c) {
		fields, err := way.Header()
		if err != nil {
			continue
		}
		for _, values := range fields {
			for _, v := range values {
				if scheme, basic, ok := strings.Cut(v, " "); ok && strings.EqualFold(scheme, "Basic") {
					forms = append(forms, pairForms(basic)...)
				}
			}
		}
	}
	return forms
}

// waysOf returns the credential as it travels, in each of its ways.
func waysOf(c *authsome.Credential) []*authsome.Credential {
	all := []*authsome.Credential{c.By(c.Inject)}
	for _, v := range c.Variants {
		all = append(all, c.By(v.Inject))
	}
	return all
}

// isPublic reports whether a field of a login is never a secret.
func isPublic(name authsome.FieldName) bool {
	switch name {
	case authsome.FieldUsername, authsome.FieldAccessKeyID, authsome.FieldRegion, authsome.FieldBaseURL,
		authsome.FieldClientID, authsome.FieldAppID, authsome.FieldInstallationID:
		return true
	}
	return false
}

// pairForms returns the forms of Basic credentials (RFC 7617), which hold more than the secret. What is sent is as good as what is
// in it, and is written in other ways as any value is.
func pairForms(encoded string) []string {
	wire := strings.TrimRight(encoded, "=")
	forms := slices.Concat(rendered(encoded), inBase64(wire), inHex(wire), inWide(wire))
	pair, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return forms
	}
	return slices.Concat(forms, rendered(string(pair)), inBase64(string(pair)))
}

// Forms returns a value and what common encoders make of it. A value shorter than [MinLength] has none.
func Forms(value string) []string {
	if len(value) < MinLength {
		return nil
	}
	return unique(slices.Concat(rendered(value), inBase64(value), inHex(value), inWide(value)))
}

func inHex(value string) []string {
	small := hex.EncodeToString([]byte(value))
	return []string{small, strings.ToUpper(small)}
}

// inWide returns what a value is within a text in UTF-16, whichever byte of a character comes first: zeros are between
// its own bytes. Some servers write what a client says it accepts. A value that is not ASCII has no such form here.
func inWide(value string) []string {
	if strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return nil
	}
	return []string{strings.Join(strings.Split(value, ""), "\x00")}
}

// unique sorts forms, the longest first, and drops those that occur twice or are too short.
func unique(forms []string) []string {
	forms = slices.DeleteFunc(slices.Clone(forms), func(f string) bool { return len(f) < MinLength })
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(forms)
}

// rendered returns the forms of a value that differ from it in characters which mean something somewhere.
func rendered(value string) []string {
	return unique(slices.Concat([]string{value}, inURL(value), inJSON(value), inHTML(value)))
}

// inBase64 returns what base64 makes of a value, in both alphabets (RFC 4648), also where the value is in the middle of
// something longer: at each of the three places where it can then begin. Padding says nothing and is left out.
func inBase64(value string) []string {
	var forms []string
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		forms = append(forms, rendered(enc.EncodeToString([]byte(value)))...)
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), value...))
			// A character of 6 bits is known when all of its bits are the value's.
			first, last := (8*before+5)/6, 8*(before+len(value))/6
			forms = append(forms, rendered(text[first:last])...)
		}
	}
	return forms
}

// inURL returns percent-encoded forms (RFC 3986 section 2.1), which differ in what is encoded and in the case of digits.
func inURL(value string) []string {
	strict := percent(value, func(c byte) bool { return strings.IndexByte("-._~", c) >= 0 })
	script := percent(value, func(c byte) bool { return strings.IndexByte("-._~!'()*", c) >= 0 }) // encodeURIComponent
	forms := []string{strict, script, url.QueryEscape(value), url.PathEscape(value)}
	for _, f := range forms[:4:4] {
		// Once more, as where an address is a parameter of another one: in what login pages redirect to.
		twice := url.QueryEscape(f)
		forms = append(forms, lowerDigits(f), twice, lowerDigits(twice))
	}
	all := percent(value, func(byte) bool { return false })
	return append(forms, all, lowerDigits(all))
}

func percent(value string, plain func(byte) bool) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// lowerDigits writes the digits of percent-encoding in lower case.
func lowerDigits(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(string(b[i+1:i+3])))
			i += 2
		}
	}
	return string(b)
}

// inJSON returns the forms of a value within a JSON string (RFC 8259 section 7): encoders differ in what they escape.
func inJSON(value string) []string {
	var forms []string
	for _, escaped := range []string{
		"", "/", "<>&", "<>&'", "/<>&'", "/<>&'+=\"`",
		"<>&'+\"`", // .NET
		"<>&'=",    // Gson
	} {
		for _, format := range []string{`\u%04x`, `\u%04X`} {
			forms = append(forms, jsonString(value, escaped, format, false), jsonString(value, escaped, format, true))
		}
	}
	return forms
}

func jsonString(value, escaped, format string, ascii bool) string {
	var b strings.Builder
	for _, r := range value {
		short := strings.IndexRune("\"\\\b\f\n\r\t", r)
		special := strings.ContainsRune(escaped, r)
		switch {
		case r == '/' && special && escaped == "/":
			b.WriteString(`\/`)
		case r == '/' && special && escaped == "/<>&'":
			b.WriteString(`\/`)
		case short >= 0 && !special:
			b.WriteByte('\\')
			b.WriteByte("\"\\bfnrt"[short])
		case r < ' ' || r == 0x7f && ascii || special:
			fmt.Fprintf(&b, format, r)
		case r >= utf8.RuneSelf && ascii && r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, format+format, high, low)
		case r >= utf8.RuneSelf && ascii:
			fmt.Fprintf(&b, format, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// inHTML returns the forms of a value within HTML or XML.
func inHTML(value string) []string {
	named := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")
	apos := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")
	digits := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;")
	slashes := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;", "/", "&#x2F;",
		"`", "&#x60;", "=", "&#x3D;")
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	dotNET := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;", "+", "&#x2B;", "`", "&#x60;")
	handlebars := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;", "`", "&#x60;", "=", "&#x3D;")
	forms := []string{html.EscapeString(value)}
	for _, r := range []*strings.Replacer{named, apos, digits, slashes, text, dotNET, handlebars} {
		forms = append(forms, r.Replace(value))
	}
	return forms
}
