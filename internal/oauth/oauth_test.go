package oauth

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"authsome"
)

const redirectURI = "http://127.0.0.1:4321/callback"

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// received is a request as the server saw it.
type received struct {
	method, path string
	header       http.Header
	body         string
	form         url.Values
}

// upstream is a server that gives one answer to everything and keeps what it got.
type upstream struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
}

func (u *upstream) requests() []received {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.got
}

// last returns the only request there must have been.
func (u *upstream) last(t *testing.T) received {
	t.Helper()
	got := u.requests()
	if len(got) != 1 {
		t.Fatalf("%d requests were sent, want 1", len(got))
	}
	return got[0]
}

func serve(t *testing.T, h http.HandlerFunc) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		u.mu.Lock()
		u.got = append(u.got, received{r.Method, r.URL.EscapedPath(), r.Header.Clone(), string(body), form})
		u.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		h(w, r)
	}))
	t.Cleanup(u.Close)
	return u
}

// answering serves one fixed answer.
func answering(t *testing.T, status int, contentType, body string) *upstream {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func newClient(base string) *Client {
	return &Client{
		Provider: authsome.OAuth{
			AuthorizationURL: base + "/authorize", TokenURL: base + "/token", RevocationURL: base + "/revoke",
		},
		ClientID: "client id", ClientSecret: authsome.NewSecret("s/e c:ret+1"),
		Now: func() time.Time { return start },
	}
}

func refresh(t *testing.T, c *Client) (*Token, error) {
	t.Helper()
	return c.Refresh(t.Context(), authsome.NewSecret("old-refresh-token"))
}

// refreshWith answers a refresh with a JSON body.
func refreshWith(t *testing.T, p authsome.OAuth, body string) (*Token, error) {
	t.Helper()
	c := newClient(answering(t, 200, "application/json", body).URL)
	p.TokenURL = c.Provider.TokenURL
	c.Provider = p
	return refresh(t, c)
}

func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want an *Error", err, err)
	}
	return e
}

func withLog(c *Client) *bytes.Buffer {
	var b bytes.Buffer
	c.Logger = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return &b
}
