package policy

import (
	"net/http"
	"net/url"
	"strings"
)

// overriding returns the methods, in upper case, that a request asks to be taken for: in the header fields and the parameter
// of the query that frameworks know for it. CGI and its heirs do not tell '_' from '-' in the name of a field.
func overriding(r *http.Request) []string {
	var methods []string
	for name, values := range r.Header {
		if overrides(name) {
			for _, v := range values {
				methods = append(methods, listed(v)...)
			}
		}
	}
	if !strings.ContainsAny(r.URL.RawQuery, "_%") {
		return methods
	}
	for part := range strings.FieldsFuncSeq(r.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		if strings.EqualFold(unescape(name), "_method") {
			methods = append(methods, listed(unescape(value))...)
		}
	}
	return methods
}

func overrides(name string) bool {
	switch len(name) {
	case len("x-http-method-override"), len("x-http-method"), len("x-method-override"):
	default:
		return false
	}
	if name[0]|0x20 != 'x' { // Authorization is as long
		return false
	}
	switch strings.ReplaceAll(strings.ToLower(name), "_", "-") {
	case "x-http-method-override", "x-http-method", "x-method-override":
		return true
	}
	return false
}

func listed(value string) []string {
	var methods []string
	for m := range strings.SplitSeq(value, ",") {
		if m = strings.ToUpper(strings.TrimSpace(m)); m != "" {
			methods = append(methods, m)
		}
	}
	return methods
}

func unescape(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// isUpgrade reports whether a request asks to leave HTTP (RFC 9110 section 7.8): what follows cannot be judged.
func isUpgrade(r *http.Request) bool { return len(r.Header["Upgrade"]) > 0 }
