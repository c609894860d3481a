package loopback

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"authsome"
)

// defaultPath is the path of a redirect URI whose definition names none.
const defaultPath = "/callback"

// CallbackConfig says where the authorization server sends the browser back to.
type CallbackConfig struct {
	Redirect authsome.Redirect
	Provider string // what people call it, for the page and the errors; who fails knows its name
	// Ignored is told, in words for the person, that something other than the answer has come; once of each kind. May be nil.
	Ignored func(text string)
}

// Callback is a redirect endpoint, RFC 6749 section 3.1.2, that takes one authorization response: see [Callback.Expect].
type Callback struct {
	uri     string
	origin  string
	path    string
	token   string // of the form that ends the login
	server  *server
	answer  chan string // the URL of the authorization response
	ignored func(string)

	mu    sync.Mutex // guards all below
	state string     // that the authorization response has
	taken bool       // there has been an authorization response
	first string     // its query
	told  struct{ foreign, unnamed bool }
}

// ListenCallback binds the redirect endpoint. It fails with [authsome.KindLoginFailed] when the port that is registered
// at the provider is taken, and with [authsome.KindUsage] for redirects that do not lead to this computer.
func ListenCallback(cfg CallbackConfig) (*Callback, error) {
	if cfg.Redirect.Kind == authsome.RedirectHTTPSOnly {
		return nil, &authsome.Error{
			Kind:    authsome.KindUsage,
			Message: fmt.Sprintf("%s does not redirect to this computer", cfg.Provider),
			Hint:    "paste the address that the browser ends at",
		}
	}
	bound, err := bind(cfg.Redirect)
	if err != nil {
		return nil, bindError(cfg, err)
	}
	c := &Callback{path: cfg.Redirect.Path, token: rand.Text(), answer: make(chan string, 1), ignored: cfg.Ignored}
	if c.path == "" {
		c.path = defaultPath
	}
	if !strings.HasPrefix(c.path, "/") {
		c.path = "/" + c.path
	}
	c.origin = "http://" + bound.host
	c.uri = c.origin + c.path
	c.server = serve(bound.listeners, bound.host, cfg.Provider, "no-referrer", http.HandlerFunc(c.serveHTTP))
	return c, nil
}

func bindError(cfg CallbackConfig, err error) error {
	e := &authsome.Error{
		Kind: authsome.KindLoginFailed, Reason: "cannot listen", Err: err,
		Message: fmt.Sprintf("cannot listen for the redirect of %s: %v", cfg.Provider, err),
	}
	if cfg.Redirect.Kind == authsome.RedirectFixedPort && taken(err) {
		e.Reason = "port in use"
		e.Message = fmt.Sprintf("port %d, which %s redirects to, is in use by another program",
			cfg.Redirect.Port, cfg.Provider)
		e.Hint = fmt.Sprintf("end the program that listens on port %d, and repeat the command", cfg.Redirect.Port)
	}
	return e
}

// RedirectURI returns the redirect URI to put into the authorization request, and to register at the provider.
func (c *Callback) RedirectURI() string { return c.uri }

// Wait returns the URL of the authorization response: what the browser was redirected to, with all its parameters and
// unchecked, but for the state and for there being a code or an error. It fails with [authsome.KindCancelled] when ctx is
// cancelled or the Callback is closed, and with [authsome.KindLoginFailed] when the deadline of ctx passes.
func (c *Callback) Wait(ctx context.Context) (redirectURL string, err error) {
	select {
	case redirectURL = <-c.answer:
		return redirectURL, nil
	case <-c.server.closed:
	case <-ctx.Done():
	}
	return "", c.server.waitError(ctx)
}

// Finish tells the browser how the login ended, success if err is nil, and closes. It waits for the browser to fetch
// the page, but no longer than about a second, and not when the browser has gone.
func (c *Callback) Finish(err error) {
	c.server.finish(err)
	_ = c.Close()
}

// Close ends the endpoint. A browser that still waits is told that the login was not finished.
func (c *Callback) Close() error {
	c.mu.Lock()
	promised := c.taken
	c.mu.Unlock()
	return c.server.close(promised)
}

func (c *Callback) serveHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.EscapedPath() {
	case c.path:
	case c.resultPath():
		c.serveResult(w, r)
		return
	case c.path + "/end":
		c.serveEnd(w, r)
		return
	default:
		http.NotFound(w, r)
		return
	}
	query := r.URL.Query()
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "only GET is answered here", http.StatusMethodNotAllowed)
	case !navigates(r):
		http.Error(w, "this address is for a browser to go to", http.StatusForbidden)
	case !query.Has("code") && !query.Has("error"):
		http.Error(w, "this is no authorization response", http.StatusBadRequest)
	case !c.belongs(query):
		c.serveStray(w, query)
	case !c.take(r.URL.RawQuery):
		http.Error(w, "there has been an answer already", http.StatusGone)
	default:
		// The code leaves the address bar and the history at once.
		http.Redirect(w, r, c.resultPath(), http.StatusSeeOther)
	}
}

// navigates reports whether a browser asks for a page to show, now. What an image, a frame or a script of another page
// asks for is not, and neither is what a browser fetches ahead: the authorization code is good for one use.
func navigates(r *http.Request) bool {
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		return false
	}
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if p := strings.ToLower(r.Header.Get(name)); strings.Contains(p, "prefetch") || strings.Contains(p, "prerender") {
			return false
		}
	}
	return true
}

// take keeps the first authorization response and reports whether this is it; a browser may ask for it twice.
func (c *Callback) take(query string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken {
		return query == c.first
	}
	c.taken, c.first = true, query
	c.answer <- c.uri + "?" + query
	return true
}

func (c *Callback) resultPath() string { return strings.TrimSuffix(c.path, "/") + "/done" }

func (c *Callback) serveResult(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	taken := c.taken
	c.mu.Unlock()
	if !taken || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	c.server.showResult(w, r)
}
