package oauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

func (a *answer) ok() bool { return a.status >= 200 && a.status <= 299 }

// granted returns what an answer holds that says that the request was granted, or why it was not.
func (c *Client) granted(r *request, a *answer) (members, error) {
	m, err := a.decode()
	if err != nil {
		return nil, c.unreadable(r, a, err)
	}
	if code, _ := errorOf(m, a.status); code != "" || !a.ok() {
		return nil, c.rejected(r, a, m)
	}
	return m, nil
}

// rejected is the error of an answer that could be read and holds no token.
func (c *Client) rejected(r *request, a *answer, m members) *Error {
	code, description := errorOf(m, a.status)
	clean := r.redact.with(tokensIn(string(a.body))...)
	e := &Error{
		Class: c.classify(a, wordsOf(m, code, description)...), Code: clean.short(code), Description: clean.short(description),
		Status: a.status, RetryAfter: a.retryAfter(c.now()), op: r.op, clockSkew: a.clockSkew(),
	}
	e.Reason = statusReason(a.status)
	if e.Code != "" && !outOfOrder(a.status) {
		e.Reason = e.Code
	}
	return e
}

// unreadable is the error of an answer that is no answer of a token endpoint, or only the beginning of one.
func (c *Client) unreadable(r *request, a *answer, cause error) *Error {
	e := &Error{
		Class: c.classify(a), Status: a.status, RetryAfter: a.retryAfter(c.now()),
		Reason: statusReason(a.status), Err: cause, op: r.op,
	}
	switch {
	case outOfOrder(a.status):
	case a.readErr != nil:
		e.Reason = networkReason(a.readErr)
	case a.ok() && a.mediaType() != "":
		e.Reason = fmt.Sprintf("unreadable answer (HTTP %d, %s)", a.status, r.redact.short(a.mediaType()))
	case a.ok():
		e.Reason = fmt.Sprintf("unreadable answer (HTTP %d)", a.status)
	}
	return e
}

// useless is the error of an answer that reports success and yet holds nothing to use: the request was processed.
func (a *answer) useless(op, why string) *Error {
	return &Error{Class: ClassAmbiguous, Status: a.status, Reason: fmt.Sprintf("%s (HTTP %d)", why, a.status), op: op}
}

// classify goes by the status where the server or something before it is out of order, whatever the body says: some
// servers answer 500 with invalid_grant to the loser of a race. Otherwise it goes by the words that the definition
// names, and by the code, which is the first of them. Neither a status without a code nor a description of which the
// definition says nothing is ever a verdict on the grant.
func (c *Client) classify(a *answer, words ...string) Class {
	code := ""
	if len(words) > 0 {
		code = words[0]
	}
	switch {
	case isGateway(a.status):
		return ClassAmbiguous
	case outOfOrder(a.status):
		return ClassTransient
	}
	for _, word := range words {
		if class, ok := c.Provider.ErrorMap[word]; ok {
			return Class(class)
		}
	}
	switch {
	case code != "":
		return classOfCode(code)
	case a.ok(), a.readErr != nil:
		return ClassAmbiguous
	default:
		return ClassRequest
	}
}

// isGateway reports whether a gateway gave up on a server that had been given the request. 520 and 524 are Cloudflare's.
func isGateway(status int) bool {
	switch status {
	case http.StatusBadGateway, http.StatusGatewayTimeout, 520, 524:
		return true
	default:
		return false
	}
}

// outOfOrder reports whether a status says something about the server's health, or a captive portal's, and so nothing
// about the grant.
func outOfOrder(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	default:
		return status >= 500 || status >= 300 && status <= 399
	}
}

// classOfCode knows the codes of RFC 6749, RFC 8628 and OpenID Connect, and the distinct ones of large providers. Codes
// that nobody knows are no verdict on the grant.
func classOfCode(code string) Class {
	switch strings.ToLower(code) {
	case "invalid_grant", "expired_token", "invalid_token", "bad_refresh_token", "invalid_refresh_token", "token_revoked",
		"bad_verification_code", "invalid_code", "interaction_required", "consent_required", "login_required":
		return ClassGrant
	case "invalid_client", "unauthorized_client", "incorrect_client_credentials", "bad_client_secret":
		return ClassClient
	case "server_error", "temporarily_unavailable":
		return ClassTransient
	default:
		return ClassRequest
	}
}

func statusReason(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return fmt.Sprintf("rate limited (HTTP %d)", status)
	case status >= 500:
		return fmt.Sprintf("server error (HTTP %d)", status)
	case status >= 300 && status <= 399:
		return fmt.Sprintf("unexpected redirect (HTTP %d)", status)
	default:
		return fmt.Sprintf("HTTP %d", status)
	}
}

// errorOf returns the error an answer reports, in the words of RFC 6749 section 5.2 or in those of servers that have
// their own: error as an object, "ok": false beside it, or, when the status says that it is one, a code elsewhere.
func errorOf(m members, status int) (code, description string) {
	description = m.firstText("error_description", "errorDescription", "error_message", "message")
	if object, ok := m.at("error"); ok {
		code = object.firstText("code", "type", "status")
		description = object.firstText("message", "description")
	} else {
		code = m.text("error")
	}
	failed := status < 200 || status > 299
	if code == "" && failed {
		code = m.firstText("error_code", "errorCode", "error_type", "code", "status")
	}
	if first, ok := m.at("errors.0"); ok && code == "" && failed { // Fitbit, Strava
		code = first.firstText("errorType", "code", "type")
		if resource := first.text("resource"); resource != "" {
			code = resource + "." + code
		}
		if said := first.text("message"); said != "" {
			description = said
		}
	}
	if code == "" && failed && isPollCode(description) {
		code = description // Twitch
	}
	if code == "" && m["ok"] == false {
		code = "not_ok"
	}
	if code == "" && !failed && reportsError(m["error"]) {
		code = "unknown_error"
	}
	return code, description
}

// isPollCode knows what answers a device that polls, RFC 8628 section 3.5.
func isPollCode(s string) bool {
	switch s {
	case "authorization_pending", "slow_down", "access_denied", "expired_token":
		return true
	default:
		return false
	}
}

// wordsOf returns what a definition may tell errors apart by: the code, and where there is more, the number of the error
// (Facebook) and the whole message (Twitch).
func wordsOf(m members, code, description string) []string {
	words := []string{code}
	if object, ok := m.at("error"); ok {
		for _, name := range []string{"error_subcode", "code"} {
			if n, ok := object[name].(json.Number); ok {
				words = append(words, n.String())
			}
		}
	}
	return append(words, description)
}

// reportsError tells an error member in words of a server's own from one that says that all is well.
func reportsError(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		return v != "0"
	default:
		return true
	}
}

// retryAfter reads the header field as seconds or as a date, RFC 9110 section 10.2.3.
func (a *answer) retryAfter(now time.Time) time.Duration {
	return parseRetryAfter(a.header.Get("Retry-After"), now)
}

// maxRetryAfter bounds how long a server may ask to be left alone.
const maxRetryAfter = 24 * time.Hour

func parseRetryAfter(field string, now time.Time) time.Duration {
	d, known := lifetime(field)
	if !known {
		at, err := http.ParseTime(strings.TrimSpace(field))
		if err != nil {
			return 0
		}
		d = at.Sub(now)
	}
	return max(0, min(d, maxRetryAfter))
}
