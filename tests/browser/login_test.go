package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"authsome/internal/authserver"
	"authsome/tests/internal/acme"
	"authsome/tests/internal/process"
)

// login is a running "authsome login".
type login struct {
	t      *testing.T
	opened chan string // the addresses that it opens in the browser
	ended  chan process.Result
}

// begin starts a login whose browser is the test.
func begin(t *testing.T, h *process.Home, args ...string) *login {
	t.Helper()
	l := &login{t: t, opened: make(chan string, 4), ended: make(chan process.Result, 1)}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		l.opened <- r.PostFormValue("address")
	}))
	t.Cleanup(srv.Close)
	h.Env = append(h.Env, "BROWSER="+os.Args[0], envOpened+"="+srv.URL)
	go func() {
		r, err := h.Run(t.Context(), "", append([]string{"login"}, args...)...)
		if err != nil {
			r.Stderr += fmt.Sprint("\n", err)
		}
		l.ended <- r
	}()
	return l
}

// address waits for the program to open the browser.
func (l *login) address() string {
	l.t.Helper()
	select {
	case a := <-l.opened:
		return a
	case r := <-l.ended:
		l.t.Fatalf("the program has ended and not opened the browser\n%s", r)
	case <-time.After(patience):
		l.t.Fatal("the program has not opened the browser")
	}
	return ""
}

// result waits for the program to end.
func (l *login) result() process.Result {
	l.t.Helper()
	select {
	case r := <-l.ended:
		return r
	case <-time.After(patience):
		l.t.Fatal("the program has not ended")
	}
	return process.Result{}
}

func startAcme(t *testing.T) (*process.Home, *acme.Provider) {
	t.Helper()
	h := process.NewHome(t)
	p := acme.Start(t, authserver.Config{Consent: authserver.ConsentAsk}, nil)
	p.Register(t, h)
	return h, p
}

func TestLoginIsApprovedInTheBrowser(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	h, p := startAcme(t)
	l := begin(t, h, "acme")
	b.open(l.address())
	b.contains("Allow access?", acme.ClientID, "read, write")
	b.photograph("consent")
	b.do(chromedp.Click(chromedp.CSS(`button[value=approve]`)))
	b.until("Connected to Acme")
	b.contains("You can close this page")
	b.photograph("connected")
	if at := b.address(); strings.Contains(at, "code=") || strings.Contains(at, "state=") {
		t.Errorf("the authorization code stays in the address bar: %s", at)
	}
	if r := l.result(); r.Code != 0 || !strings.Contains(r.Stdout, "connected to acme (default)") {
		t.Errorf("the login\n%s", r)
	}
	if token := h.Must(t, "get", "acme", "--field", "access_token", "--show-secret"); !p.AccessTokenValid(token) {
		t.Error("the provider does not accept the token in the vault")
	}
}

func TestLoginIsDeniedInTheBrowser(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	h, _ := startAcme(t)
	l := begin(t, h, "acme")
	b.open(l.address())
	b.do(chromedp.Click(chromedp.CSS(`button[value=deny]`)))
	b.until("Login cancelled")
	b.contains("login to acme (default) was refused at the provider")
	b.photograph("denied")
	if r := l.result(); r.Code != 8 || !strings.Contains(r.Stderr, "was refused at the provider") {
		t.Errorf("the login\n%s", r)
	}
	if r := h.Try(t, "get", "acme", "--field", "status"); r.Code != 5 {
		t.Errorf("after a login that was denied\n%s", r)
	}
}

// A page that the person has open elsewhere guesses the port and wants to end the login, or to make it its own.
func TestForeignPageCannotAnswerForTheProvider(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	h, _ := startAcme(t)
	l := begin(t, h, "acme")
	authorization := l.address()
	redirect := parameter(t, authorization, "redirect_uri")
	forged := redirect + "?code=forged&state=" + parameter(t, authorization, "state")

	foreign := newTab(t)
	foreign.open(foreignPage(t, fmt.Sprintf(`<h1>Cats</h1><img src=%q><iframe src=%q></iframe>`, forged, forged)))
	for _, mode := range []string{"no-cors", "cors"} {
		if got := foreign.fetch(forged, `{mode: "`+mode+`"}`); strings.Contains(got, "200") {
			t.Errorf("fetch in the mode %s was answered: %s", mode, got)
		}
	}
	for query, title := range map[string]string{
		"?code=forged&state=guessed": "Not the answer of this login", "?code=forged": "Not the answer of this login",
		"?error=access_denied": "Have you refused at Acme?",
	} { // it may send the whole tab there
		foreign.open(foreignPage(t, fmt.Sprintf(`<meta http-equiv="refresh" content="0; url=%s"><h1>Cats</h1>`, redirect+query)))
		foreign.until(title)
	}
	b.open(authorization)
	b.do(chromedp.Click(chromedp.CSS(`button[value=approve]`)))
	b.until("Connected to Acme")
	if r := l.result(); r.Code != 0 {
		t.Errorf("the login\n%s", r)
	}
}

// A server that leaves the state out of an error: the person ends the login on the page.
func TestErrorWithoutAStateIsConfirmedInTheBrowser(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	h, _ := startAcme(t)
	l := begin(t, h, "acme")
	b.open(parameter(t, l.address(), "redirect_uri") + "?error=access_denied&error_description=Call+us")
	b.until("Have you refused at Acme?")
	b.contains("access_denied")
	b.photograph("unnamed-error")
	b.do(chromedp.Click(chromedp.CSS(`button[type=submit]`)))
	b.until("Login cancelled")
	if r := l.result(); r.Code != 8 || !strings.Contains(r.Stderr, "was refused at the provider") {
		t.Errorf("the login\n%s", r)
	}
}
