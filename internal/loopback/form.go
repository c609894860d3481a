package loopback

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"authsome"
)

// cancelField is what the cancel button sends. No field can be called so: their names have no space.
const cancelField = "cancel login"

// FormConfig says what a form asks for.
type FormConfig struct {
	Title       string // the heading
	Provider    string // its name
	Docs        string // the page that tells where to get what is asked for; shown if its scheme is https
	RedirectURI string // what to register at the provider; not shown if empty
	Fields      []authsome.Field
}

// Form is a page that a person fills in once. Its address holds 130 random bits, and whoever knows it can send one
// answer.
type Form struct {
	cfg      FormConfig
	patterns map[authsome.FieldName]*regexp.Regexp
	path     string
	origin   string
	server   *server
	answer   chan map[authsome.FieldName]authsome.Secret // closed without a value when the person cancels

	mu    sync.Mutex // guards taken
	taken bool       // there has been an answer, or a cancellation
}

// ServeForm starts serving a form on a free port. It fails when no port can be had and when a pattern is no regular
// expression.
func ServeForm(cfg FormConfig) (*Form, error) {
	f := &Form{
		cfg: cfg, patterns: make(map[authsome.FieldName]*regexp.Regexp), path: "/" + rand.Text(),
		answer: make(chan map[authsome.FieldName]authsome.Secret, 1),
	}
	for _, field := range cfg.Fields {
		if field.Pattern == "" {
			continue
		}
		re, err := regexp.Compile(`\A(?:` + field.Pattern + `)\z`)
		if err != nil {
			return nil, fmt.Errorf("form of %s: pattern of %s: %w", cfg.Provider, field.Name, err)
		}
		f.patterns[field.Name] = re
	}
	bound, err := bindIP()
	if err != nil {
		return nil, fmt.Errorf("form of %s: %w", cfg.Provider, err)
	}
	f.origin = "http://" + bound.host
	// With "no-referrer" a browser would send the form with "Origin: null", so that it could not be told from one that
	// comes from elsewhere.
	f.server = serve(bound.listeners, bound.host, cfg.Provider, "same-origin", http.HandlerFunc(f.serveHTTP))
	return f, nil
}

// URL returns the address of the form. Whoever knows it can fill the form in, so it is for the person's browser only.
func (f *Form) URL() string { return f.origin + f.path }

// Wait returns what was entered: every field that is not optional, and the others that were filled in, each matching
// its pattern, without white space around it and without control characters. It fails with [authsome.KindCancelled]
// when the person or ctx cancels or the Form is closed, and with [authsome.KindLoginFailed] when the deadline of ctx
// passes.
func (f *Form) Wait(ctx context.Context) (map[authsome.FieldName]authsome.Secret, error) {
	select {
	case values, ok := <-f.answer:
		if ok {
			return values, nil
		}
	case <-f.server.closed:
	case <-ctx.Done():
	}
	return nil, f.server.waitError(ctx)
}

// Finish tells the browser how the login ended, success if err is nil, and closes. It waits for the browser to fetch
// the page, but no longer than about a second, and not when the browser has gone.
func (f *Form) Finish(err error) {
	f.server.finish(err)
	_ = f.Close()
}

// Close ends the form. A browser that still waits is told that the login was not finished.
func (f *Form) Close() error {
	f.mu.Lock()
	promised := f.taken
	f.mu.Unlock()
	return f.server.close(promised)
}

func (f *Form) serveHTTP(w http.ResponseWriter, r *http.Request) {
	path, isResult := strings.CutSuffix(r.URL.EscapedPath(), "/done")
	if subtle.ConstantTimeCompare([]byte(path), []byte(f.path)) != 1 {
		http.NotFound(w, r)
		return
	}
	f.mu.Lock()
	taken := f.taken
	f.mu.Unlock()
	switch {
	case isResult && taken && r.Method == http.MethodGet:
		f.server.showResult(w, r)
	case isResult:
		http.NotFound(w, r)
	case taken:
		http.Error(w, "this form has been sent already", http.StatusGone)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		writePage(w, http.StatusOK, formPage(f.cfg, nil))
	case r.Method == http.MethodPost:
		f.servePost(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "only GET and POST are answered here", http.StatusMethodNotAllowed)
	}
}

func (f *Form) servePost(w http.ResponseWriter, r *http.Request) {
	if !comesFrom(r, f.origin) {
		http.Error(w, "the form was not sent from its own page", http.StatusForbidden)
		return
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		http.Error(w, "a form is expected", http.StatusUnsupportedMediaType)
		return
	}
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "the form cannot be read", status) // err may quote what was sent
		return
	}
	if r.PostForm.Has(cancelField) {
		f.cancel()
	} else {
		values, problems := f.check(r.PostForm)
		if len(problems) > 0 {
			writePage(w, http.StatusUnprocessableEntity, formPage(f.cfg, problems))
			return
		}
		if !f.take(values) {
			http.Error(w, "this form has been sent already", http.StatusGone)
			return
		}
	}
	http.Redirect(w, r, f.path+"/done", http.StatusSeeOther)
}

// comesFrom checks what browsers say about where a form comes from. Programs that are no browser say nothing; they
// have to know what is secret about it.
func comesFrom(r *http.Request, origin string) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	origins := r.Header.Values("Origin")
	return len(origins) == 0 || len(origins) == 1 && strings.EqualFold(origins[0], origin)
}

// check returns what was entered, or what is wrong with it, by field. Problems do not repeat any of it.
func (f *Form) check(sent map[string][]string) (map[authsome.FieldName]authsome.Secret, map[authsome.FieldName]string) {
	values := make(map[authsome.FieldName]authsome.Secret)
	problems := make(map[authsome.FieldName]string)
	for _, field := range f.cfg.Fields {
		value, problem := f.checkField(field, sent[string(field.Name)])
		switch {
		case problem != "":
			problems[field.Name] = problem
		case value != "":
			values[field.Name] = authsome.NewSecret(value)
		}
	}
	return values, problems
}

func (f *Form) checkField(field authsome.Field, sent []string) (value, problem string) {
	if len(sent) > 0 {
		value = strings.TrimSpace(sent[0])
	}
	switch re := f.patterns[field.Name]; {
	case len(sent) > 1:
		return "", field.Label + " was sent more than once."
	case value == "" && field.Optional:
		return "", ""
	case value == "":
		return "", field.Label + " is missing."
	case field.File && strings.ContainsFunc(value, isNoText), !field.File && strings.ContainsFunc(value, unicode.IsControl),
		!utf8.ValidString(value):
		return "", field.Label + " contains characters that cannot be typed, such as a line end."
	case re != nil && !re.MatchString(value):
		return "", field.Label + " does not look like this: " + patternText(field)
	}
	return value, ""
}

// isNoText knows what a text file does not hold.
func isNoText(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// take keeps the first answer and reports whether this is it.
func (f *Form) take(values map[authsome.FieldName]authsome.Secret) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.taken {
		return false
	}
	f.taken = true
	f.answer <- values
	return true
}

// cancel ends the waiting, unless there has been an answer.
func (f *Form) cancel() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.taken {
		f.taken = true
		f.server.finish(f.server.waitError(context.Background()))
		close(f.answer)
	}
}
