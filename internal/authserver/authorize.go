package authserver

import (
	"fmt"
	"html"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeLifetime is how long a code can be used, RFC 6749 section 4.1.2.
const codeLifetime = time.Minute

// authorization is a request for a grant: pending, then approved and known by its code.
type authorization struct {
	clientID    string
	redirectURI string // as asked for
	state       string
	scopes      []string
	resources   []string
	challenge   string
	jkt         string // of the key that the code is bound to, RFC 9449 section 10
	expiresAt   time.Time
	grant       *grant // set once the code has been used
}

// serveAuthorize checks an authorization request, RFC 6749 section 4.1.1, and asks for consent.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	sent := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(Request{Endpoint: PathAuthorize, Form: sent, ClientID: sent.Get("client_id"), Header: r.Header.Clone()})
	q := s.unpushed(sent)
	if q == nil {
		http.Error(w, "the request must be pushed, and its reference used once", http.StatusBadRequest)
		return
	}
	a := &authorization{
		clientID: q.Get("client_id"), redirectURI: q.Get("redirect_uri"), state: q.Get("state"),
		scopes: strings.Fields(q.Get("scope")), challenge: q.Get("code_challenge"), jkt: q.Get("dpop_jkt"),
	}
	client := s.client(a.clientID)
	if client == nil || !client.allowsRedirect(a.redirectURI) {
		// Section 4.1.2.1: never redirect to where the client has not been registered for.
		http.Error(w, "unknown client_id or redirect_uri", http.StatusBadRequest)
		return
	}
	var code string
	if a.resources, code = s.resourcesOf(q); code == "" {
		code = s.objection(q, a)
	}
	if code != "" {
		s.redirect(w, r, a, url.Values{"error": {code}})
		return
	}
	switch s.config.Consent {
	case ConsentApprove:
		s.decide(w, r, a, true)
	case ConsentDeny:
		s.decide(w, r, a, false)
	default:
		id := random("")
		s.pending[id] = a
		writeConsentPage(w, id, a)
	}
}

// objection returns an error code of RFC 6749 section 4.1.2.1, or nothing.
func (s *Server) objection(q url.Values, a *authorization) string {
	switch {
	case hasDuplicates(q):
		return "invalid_request"
	case q.Get("response_type") != "code":
		return "unsupported_response_type"
	case q.Get("code_challenge_method") != "S256" || len(a.challenge) != 43:
		return "invalid_request" // RFC 7636 section 4.4.1
	case !s.supports(a.scopes):
		return "invalid_scope"
	default:
		return ""
	}
}

func (s *Server) supports(scopes []string) bool {
	return s.config.Scopes == nil ||
		!slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(s.config.Scopes, scope) })
}

// serveDecision takes the form of the consent page.
func (s *Server) serveDecision(w http.ResponseWriter, r *http.Request) {
	id, decision := r.PostFormValue("consent"), r.PostFormValue("decision")
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.pending[id]
	if a == nil {
		http.Error(w, "nothing waits for this decision", http.StatusBadRequest)
		return
	}
	delete(s.pending, id)
	s.decide(w, r, a, decision == "approve")
}

// decide sends the browser back with a code or with access_denied. The lock is held.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, a *authorization, approved bool) {
	if !approved {
		s.redirect(w, r, a, url.Values{"error": {"access_denied"}, "error_description": {"the person said no"}})
		return
	}
	if only := s.config.GrantOnly; only != nil {
		a.scopes = slices.DeleteFunc(slices.Clone(a.scopes), func(scope string) bool { return !slices.Contains(only, scope) })
	}
	code := random("code-")
	a.expiresAt = s.now().Add(codeLifetime)
	s.codes[code] = a
	s.redirect(w, r, a, url.Values{"code": {code}})
}

// redirect sends the authorization response, with iss (RFC 9207) on errors too.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, a *authorization, params url.Values) {
	target, err := url.Parse(a.redirectURI)
	if err != nil {
		http.Error(w, "malformed redirect_uri", http.StatusBadRequest)
		return
	}
	q := target.Query()
	for name, values := range params {
		q[name] = values
	}
	if a.state != "" {
		q.Set("state", a.state)
	}
	if !s.config.OmitIssuer {
		q.Set("iss", s.issuer(r))
	}
	target.RawQuery = q.Encode()
	http.Redirect(w, r, target.String(), http.StatusFound)
}

// allowsRedirect compares as RFC 6749 section 3.1.2.3 wants it, and RFC 8252 section 7.3 for loopback.
func (c *Client) allowsRedirect(asked string) bool {
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return asked == registered || !c.ExactRedirects && withoutLoopbackPort(asked) == withoutLoopbackPort(registered)
	})
}

// withoutLoopbackPort removes the port of http URLs whose host is a loopback address; names like localhost do not count.
func withoutLoopbackPort(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" || u.User != nil {
		return s
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil || !ip.IsLoopback() {
		return s
	}
	u.Host = ip.String()
	return u.String()
}

func hasDuplicates(q url.Values) bool {
	for name, values := range q {
		if len(values) > 1 && name != "resource" { // RFC 8707 section 2 lets resource be repeated
			return true
		}
	}
	return false
}

// consentPage needs no script and loads nothing.
const consentPage = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Allow access?</title>
<body style="font: 16px/1.5 system-ui; max-width: 32em; margin: 4em auto; padding: 0 1em">
<h1>Allow access?</h1>
<p><b>%s</b> asks for access to your account%s.</p>
<form method="post" action="` + PathAuthorize + `">
<input type="hidden" name="consent" value="%s">
<button name="decision" value="approve">Approve</button>
<button name="decision" value="deny">Deny</button>
</form></body></html>
`

func writeConsentPage(w http.ResponseWriter, id string, a *authorization) {
	scopes := ""
	if len(a.scopes) > 0 {
		scopes = ": " + html.EscapeString(strings.Join(a.scopes, ", "))
	}
	setPageHeader(w)
	fmt.Fprintf(w, consentPage, html.EscapeString(a.clientID), scopes, id)
}

// setPageHeader keeps a page from being stored, framed, or loading anything.
func setPageHeader(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
}
