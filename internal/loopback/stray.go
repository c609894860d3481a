package loopback

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Any page can send a browser to the redirect endpoint, if it guesses the port. What tells the answer of the server from others is
// the state that was sent to it (RFC 6749 section 10.12, RFC 9700 section 4.7): an answer without it is not the one that is waited
// for, and the login goes on. So a guess costs nobody a login.

// Fields of the page with which a person ends a login.
const (
	tokenField = "token"
	errorField = "error"
)

// unnamedError stands for an error code (RFC 6749 section 4.1.2.1) that looks like none: what is shown may be anybody's text.
const unnamedError = "unknown_error"

// Expect says which state the answer carries. Before it is called, nothing is taken for the answer.
func (c *Callback) Expect(state string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = state
}

// belongs reports whether an answer carries the state of the login, once (RFC 6749 section 3.1).
func (c *Callback) belongs(q url.Values) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state != "" && len(q["state"]) == 1 && subtle.ConstantTimeCompare([]byte(q["state"][0]), []byte(c.state)) == 1
}

// serveStray answers what is not the answer. Some servers leave the state out of errors: whether such an error is about this login
// nobody but the person can tell.
func (c *Callback) serveStray(w http.ResponseWriter, q url.Values) {
	if q.Has("state") || !q.Has("error") {
		c.notice(&c.told.foreign, "an answer that does not belong to this login has been ignored; the login goes on")
		writePage(w, http.StatusBadRequest, foreignPage(c.server.provider))
		return
	}
	code := errorCode(q)
	c.notice(&c.told.unnamed, fmt.Sprintf(
		"%s answered %q and did not say to which login; if you have refused there, say so on the page in the browser, or press Ctrl-C",
		c.server.provider, code))
	w.Header().Set("Referrer-Policy", "same-origin") // otherwise the form would come with "Origin: null"
	writePage(w, http.StatusBadRequest, unnamedPage(c.server.provider, code, c.path+"/end", c.token))
}

func errorCode(q url.Values) string {
	code := q.Get(errorField)
	if code == "" || len(code) > 40 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return unnamedError
	}
	return code
}

// notice tells the person at the terminal, once of each kind, since there may be any number.
func (c *Callback) notice(told *bool, text string) {
	c.mu.Lock()
	first := !*told
	*told = true
	c.mu.Unlock()
	if first && c.ignored != nil {
		c.ignored(text)
	}
}

// serveEnd ends the login with the error of a page whose button a person has pressed.
func (c *Callback) serveEnd(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST is answered here", http.StatusMethodNotAllowed)
		return
	}
	if !comesFrom(r, c.origin) || r.ParseForm() != nil ||
		subtle.ConstantTimeCompare([]byte(r.PostForm.Get(tokenField)), []byte(c.token)) != 1 {
		http.Error(w, "the form was not sent from its own page", http.StatusForbidden)
		return
	}
	c.mu.Lock()
	state := c.state
	c.mu.Unlock()
	if !c.take(url.Values{"error": {errorCode(r.PostForm)}, "state": {state}}.Encode()) {
		http.Error(w, "there has been an answer already", http.StatusGone)
		return
	}
	http.Redirect(w, r, c.resultPath(), http.StatusSeeOther)
}

// foreignPage tells that an answer was not the one that is waited for.
func foreignPage(provider string) string {
	p := newPage("Not the answer of this login")
	p.add("<p role=\"alert\">authsome waits for the answer of %s to a login. This one belongs to no login, or to another one, and "+
		"has been ignored. Nothing is lost: the login in the terminal goes on.</p>\n", provider)
	p.add("<p>If you have logged in at %s just now, go to the address that the terminal shows last. If you have not, another page "+
		"has sent you here: close this one.</p>\n", provider)
	return p.end()
}

// unnamedPage shows an error that does not say which login it is about, and lets the person decide. Its description is not shown: it
// could be anybody's.
func unnamedPage(provider, code, action, token string) string {
	p := newPage("Have you refused at " + provider + "?")
	p.add("<p role=\"alert\">Somebody answers in the name of %s: <code>%s</code>. The answer does not say which login it is about, so "+
		"that any page could have sent you here. It has been ignored, and the login in the terminal goes on.</p>\n", provider, code)
	p.add("<p>If you come from %s, end the login; otherwise close this page.</p>\n", provider)
	p.add("<form method=\"post\" action=\"%s\">\n<input type=\"hidden\" name=\"%s\" value=\"%s\">\n", action, tokenField, token)
	p.add("<input type=\"hidden\" name=\"%s\" value=\"%s\">\n<button type=\"submit\">End the login</button>\n</form>\n", errorField, code)
	return p.end()
}
