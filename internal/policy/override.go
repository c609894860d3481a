package policy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// overriding returns the methods, in upper case, that a request asks to be taken for: in the header fields and the parameters
// of the query that frameworks and some APIs know for it. CGI and its heirs do not tell '_' from '-' in the name of a field.
func overriding(r *http.Request) []string {
	var methods []string
	for name, values := range r.Header {
		if overrides(name) {
			for _, v := range values {
				methods = append(methods, listed(v)...)
			}
		}
	}
	for part := range strings.FieldsFuncSeq(r.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		methods = append(methods, parameter(unescape(name), value)...)
	}
	return methods
}

// Disguised reports whether a request asks to be taken for one of another method.
func Disguised(r *http.Request) bool { return len(overriding(r)) > 0 }

// parameter returns the methods that a parameter of the query asks for: "_method" as frameworks have it, "_HttpMethod" at
// Salesforce and, where its value is a method that changes something, "method" at Facebook and Apify.
func parameter(name, value string) []string {
	switch {
	case SpelledAs(name, "method"):
		methods := listed(unescape(value))
		for _, m := range methods {
			switch m {
			case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
				return methods
			}
		}
	case SpelledAs(name, "_method"), SpelledAs(name, "_httpmethod"):
		return listed(unescape(value))
	}
	return nil
}

// SpelledAs reports whether servers may take the name of a parameter, as it is decoded, for a known one, which is ASCII in lower case:
// whatever the case of its letters, and as PHP does, which ignores spaces before a name, and takes a dot, a space or a bracket in
// it for '_'.
func SpelledAs(name, known string) bool {
	name = strings.TrimLeft(name, " ")
	if len(name) != len(known) {
		return false
	}
	for i := range len(name) {
		if known[i] == '_' && !strings.ContainsRune("_. [", rune(name[i])) || known[i] != '_' && !strings.EqualFold(name[i:i+1], known[i:i+1]) {
			return false
		}
	}
	return true
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

// changingAction returns what a query asks for by the parameter Action, as AWS and those after it have it, whatever the method;
// empty if it asks for nothing or for something to read.
func changingAction(query string) string {
	if !strings.Contains(query, "Action") && !strings.Contains(query, "%") {
		return ""
	}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if unescape(name) != "Action" {
			continue
		}
		action := unescape(value)
		reads := func(verb string) bool { return strings.HasPrefix(action, verb) }
		if action != "" && !slices.ContainsFunc([]string{"Get", "List", "Describe", "Lookup", "Search"}, reads) {
			return strings.Map(printable, action[:min(len(action), 64)])
		}
	}
	return ""
}

// printable leaves out what is in no name.
func printable(r rune) rune {
	if r <= ' ' || r >= 0x7f {
		return -1
	}
	return r
}

// isUpgrade reports whether a request asks to leave HTTP (RFC 9110 section 7.8): what follows cannot be judged.
func isUpgrade(r *http.Request) bool { return len(r.Header["Upgrade"]) > 0 }
