package cli

import (
	"bufio"
	"context"
	"net/url"
	"strings"
	"time"

	"authsome"
	"authsome/internal/loopback"
	"authsome/local"
)

// visitTimeout is how long a person may take at the provider.
const visitTimeout = 10 * time.Minute

// redirectReceiver is where the browser comes back to.
type redirectReceiver interface {
	RedirectURI() string
	Expect(state string)
	Wait(ctx context.Context) (redirect string, err error)
}

// pastedRedirect stands for a redirect URI that is not on this machine: the person pastes what the browser shows.
type pastedRedirect string

// RedirectURI returns the registered URI.
func (p pastedRedirect) RedirectURI() string { return string(p) }

// Expect does nothing: whoever pastes means this login.
func (p pastedRedirect) Expect(string) {}

// Wait waits for ctx: only pasting brings the answer.
func (p pastedRedirect) Wait(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// listen opens the redirect URI that the provider accepts.
func (s *loginSession) listen(step *authsome.Authorization) (redirectReceiver, error) {
	if err := s.someoneToVisit(step.Provider); err != nil {
		return nil, err
	}
	if step.Redirect.Kind == authsome.RedirectHTTPSOnly {
		return pastedRedirect(step.Redirect.URI), nil
	}
	callback, err := loopback.ListenCallback(loopback.CallbackConfig{
		Redirect: *step.Redirect, Provider: step.Provider.DisplayName,
		Ignored: func(text string) { s.app.tell("%s", text) },
	})
	if err != nil {
		return nil, err
	}
	s.pages = append(s.pages, callback)
	return callback, nil
}

// watched reports whether somebody may see an address that is printed, and open it.
func (s *loginSession) watched() bool {
	return s.app.env.UI.ReadLine != nil || s.options.noBrowser || isTerminal(s.app.env.Stderr)
}

// someoneToVisit fails when nobody can open the provider's page.
func (s *loginSession) someoneToVisit(p *authsome.Provider) error {
	if s.app.env.UI.OpenBrowser != nil || s.app.env.UI.ReadLine != nil || s.options.noBrowser {
		return nil
	}
	return nobodyToVisit(p, s.ref)
}

func nobodyToVisit(p *authsome.Provider, ref authsome.Ref) error {
	e := &authsome.Error{
		Kind: authsome.KindLoginFailed, Ref: authsome.Ref{Provider: p.Name},
		Message: "the login to " + string(p.Name) + " needs a browser, and there is neither a display nor a terminal",
		Hint:    "set $BROWSER, or give --no-browser and visit the address that is printed",
	}
	if p.OAuth.DeviceAuthorizationURL != "" {
		e.Hint = "authsome login " + local.Arguments(ref) + " --flow device_code prints a code to enter elsewhere"
	}
	return e
}

// visit sends the person to the provider and waits for the redirect, at the callback or pasted.
func (s *loginSession) visit(ctx context.Context, step *authsome.Authorization, callback redirectReceiver) (string, error) {
	waiting, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	callback.Expect(step.State)
	paste, err := s.openProvider(waiting, step)
	if err != nil {
		return "", err
	}
	redirect, err := s.awaitRedirect(waiting, step, callback, paste)
	if err != nil {
		return "", notAnswered(ctx, err)
	}
	return redirect, nil
}

func (s *loginSession) awaitRedirect(
	ctx context.Context, step *authsome.Authorization, callback redirectReceiver, paste bool,
) (string, error) {
	type answer struct {
		redirect string
		err      error
	}
	answers := make(chan answer, 2)
	if paste {
		go func() {
			if pasted, ok := s.readPasted(ctx, step); ok {
				answers <- answer{redirect: pasted}
			}
		}()
	}
	go func() {
		redirect, err := callback.Wait(ctx)
		answers <- answer{redirect, err}
	}()
	got := <-answers
	return got.redirect, got.err
}

// openProvider shows the provider's page. It returns true when the person may have to paste the redirect URL, since the
// browser might not run on this machine. It fails when there is no browser after all and nobody sees the address.
func (s *loginSession) openProvider(ctx context.Context, step *authsome.Authorization) (paste bool, err error) {
	ui := s.app.env.UI
	if ui.OpenBrowser != nil && !s.options.noBrowser {
		s.app.tell("Opening the browser to log in to %s: %s", step.Provider.DisplayName, step.URL)
		err := ui.OpenBrowser(ctx, step.URL)
		if err == nil && step.RedirectURI != "" && !strings.HasPrefix(step.RedirectURI, "https:") {
			return false, nil
		}
		if err != nil {
			s.app.tell("The browser cannot be opened: %v", err)
			if !s.watched() {
				return false, nobodyToVisit(step.Provider, s.ref)
			}
		}
	}
	s.app.tell("Visit this address to log in to %s:\n\n  %s\n", step.Provider.DisplayName, step.URL)
	s.app.tell("If the browser runs on another machine, paste the address it ends at (%s…) here.", step.RedirectURI)
	return true, nil
}

// readPasted reads the redirect URL from the terminal or from standard input. Anything else is easily pasted, too, and does
// not end the login.
func (s *loginSession) readPasted(ctx context.Context, step *authsome.Authorization) (string, bool) {
	for next := s.pastedLines(ctx); ; {
		line, ok := next()
		switch {
		case !ok:
			return "", false
		case line == "":
		case answers(line, step.State):
			return line, true
		default:
			s.app.tell("That is not the address at which this login ends: it begins with %s, and holds a code. Paste all of it.",
				step.RedirectURI)
		}
	}
}

// pastedLines returns what reads the next line that a person enters.
func (s *loginSession) pastedLines(ctx context.Context) func() (line string, ok bool) {
	if read := s.app.env.UI.ReadLine; read != nil {
		return func() (string, bool) {
			line, err := read(ctx, "Address")
			return line, err == nil
		}
	}
	scanner := bufio.NewScanner(s.app.env.Stdin)
	return func() (string, bool) {
		ok := scanner.Scan()
		return strings.TrimSpace(scanner.Text()), ok
	}
}

// answers reports whether a line is an authorization response to the request with that state. What it says is for the layer
// to judge.
func answers(line, state string) bool {
	u, err := url.Parse(line)
	if err != nil {
		return false
	}
	q := u.Query()
	return q.Get("state") == state && (q.Has("code") || q.Has("error"))
}

// notAnswered tells a person who pressed Ctrl-C from one who did not come back.
func notAnswered(ctx context.Context, err error) error {
	e := &authsome.Error{Kind: authsome.KindLoginFailed, Message: "nobody came back from the provider in time", Err: err}
	if ctx.Err() != nil {
		e.Kind, e.Message = authsome.KindCancelled, "the login was cancelled"
	}
	return e
}
