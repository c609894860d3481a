package oauth

import (
	"crypto/subtle"
	"net/url"
	"strings"

	"authsome"
)

const opRedirect = "authorization response"

// ParseRedirect takes the code out of the URL that the server sent the browser to, RFC 6749 section 4.1.2.
//
// state is compared first, then the issuer (RFC 9207): iss must equal issuer, as a plain string, where both are known,
// and must be there when issRequired. A mismatch tells nothing of the rest. Only then does an error answer count; its
// Code is the server's, access_denied for instance.
func ParseRedirect(redirect, state, issuer string, issRequired bool) (code authsome.Secret, err error) {
	u, err := url.Parse(strings.TrimSpace(redirect))
	if err != nil { // the error would repeat the URL, which can hold the code
		return authsome.Secret{}, refused(opRedirect, "the redirect URL is malformed")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return authsome.Secret{}, refused(opRedirect, "the redirect URL is malformed")
	}
	if state == "" || !same(single(q, "state"), state) {
		return authsome.Secret{}, refused(opRedirect, "state mismatch")
	}
	checked := issRequired || issuer != "" && q.Has("iss")
	if checked && (issuer == "" || single(q, "iss") != issuer) {
		return authsome.Secret{}, refused(opRedirect, "issuer mismatch")
	}
	if q.Has("error") {
		return authsome.Secret{}, deniedAuthorization(q)
	}
	value := single(q, "code")
	if value == "" || hasControl(value) {
		return authsome.Secret{}, refused(opRedirect, "no usable code in the redirect URL")
	}
	return authsome.NewSecret(value), nil
}

// RedirectParameter returns another parameter of a redirect that [ParseRedirect] has accepted; empty where it is missing or
// there twice.
func RedirectParameter(redirect, name string) string {
	u, err := url.Parse(strings.TrimSpace(redirect))
	if err != nil {
		return ""
	}
	return single(u.Query(), name)
}

func deniedAuthorization(q url.Values) *Error {
	clean := newRedactor(q["code"]...)
	e := &Error{
		Code:        clean.short(q.Get("error")),
		Description: clean.short(q.Get("error_description")),
		op:          opRedirect,
	}
	e.Class = classOfCode(e.Code)
	e.Reason = e.Code
	if e.Reason == "" {
		e.Reason = "refused without a reason"
	}
	return e
}

// single returns the value of a parameter that occurs once (RFC 6749 section 3.1), and nothing for any other.
func single(q url.Values, name string) string {
	if len(q[name]) != 1 {
		return ""
	}
	return q[name][0]
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// hasControl reports whether s can do harm in a header field.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
