package authserver

import (
	"fmt"
	"html"
	"net/http"
	"strings"
)

// devicePage needs no script and loads nothing. What stands in it: a notice, the user code, and for whom it is.
const devicePage = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Connect a device</title>
<body style="font: 16px/1.5 system-ui; max-width: 32em; margin: 4em auto; padding: 0 1em">
<h1>Connect a device</h1>
<p>%s</p>
<form method="post" action="` + PathDevice + `">
<p><label>Code shown on the device: <input name="user_code" value="%s" autocomplete="off" required></label></p>
<button name="decision" value="approve">Approve</button>
<button name="decision" value="deny">Deny</button>
</form></body></html>
`

// deviceDonePage ends it.
const deviceDonePage = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Connect a device</title>
<body style="font: 16px/1.5 system-ui; max-width: 32em; margin: 4em auto; padding: 0 1em">
<h1>%s</h1>
<p>You can go back to the device.</p>
</body></html>
`

// serveDevicePage shows where a user code is entered; it is there already at verification_uri_complete (RFC 8628 section
// 3.3.1), where a server that asks nobody decides at once.
func (s *Server) serveDevicePage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	s.record(Request{Endpoint: PathDevice, Form: q, Header: r.Header.Clone()})
	code := q.Get("user_code")
	d := s.deviceOf(code)
	switch {
	case code == "":
		writeDevicePage(w, http.StatusOK, "Enter the code that your device shows.", "")
	case d == nil:
		writeDevicePage(w, http.StatusNotFound, "No device waits for this code. It may have expired.", code)
	case s.config.Consent == ConsentApprove:
		s.answerDevice(w, code, deviceApproved)
	case s.config.Consent == ConsentDeny:
		s.answerDevice(w, code, deviceDenied)
	default:
		writeDevicePage(w, http.StatusOK, d.question(), code)
	}
}

// serveDeviceDecision takes the form of the page.
func (s *Server) serveDeviceDecision(w http.ResponseWriter, r *http.Request) {
	code, decision := r.PostFormValue("user_code"), deviceDenied
	if r.PostFormValue("decision") == "approve" {
		decision = deviceApproved
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(Request{Endpoint: PathDevice, Form: r.PostForm, Header: r.Header.Clone()})
	s.answerDevice(w, code, decision)
}

// answerDevice settles what waits for a user code and tells the person. The lock is held.
func (s *Server) answerDevice(w http.ResponseWriter, code string, decision deviceDecision) {
	if !s.decideDevice(code, decision) {
		writeDevicePage(w, http.StatusNotFound, "No device waits for this code. It may have expired.", code)
		return
	}
	title := "Approved"
	if decision == deviceDenied {
		title = "Denied"
	}
	setPageHeader(w)
	fmt.Fprintf(w, deviceDonePage, title)
}

// question says who asks for what, as HTML.
func (d *device) question() string {
	q := "<b>" + html.EscapeString(d.clientID) + "</b> asks for access to your account"
	if len(d.scopes) > 0 {
		q += ": " + html.EscapeString(strings.Join(d.scopes, ", "))
	}
	return q + ". Approve only if your device shows this code."
}

// writeDevicePage writes the page. notice is HTML, code is text.
func writeDevicePage(w http.ResponseWriter, status int, notice, code string) {
	setPageHeader(w)
	w.WriteHeader(status)
	fmt.Fprintf(w, devicePage, notice, html.EscapeString(code))
}
