package demo

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"authsome/internal/authserver"
)

// api is what a login is good for: an HTTP API that answers only requests with a good access token. It remembers the
// tokens it was shown.
type api struct {
	auth *authserver.Server

	mu    sync.Mutex // guards shown
	shown []string   // of every request, oldest first; empty for one without
}

// ServeHTTP serves GET /me.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	a.shown = append(a.shown, token)
	a.mu.Unlock()
	a.auth.Resource(http.HandlerFunc(a.me)).ServeHTTP(w, r)
}

// profile is the answer of /me.
type profile struct {
	Account     string   `json:"account"`
	AccessToken string   `json:"access_token"` // what became of it
	Scopes      []string `json:"scopes"`
}

func (a *api) me(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.Path != "/me" {
		http.NotFound(w, r)
		return
	}
	access, _ := a.auth.Authenticate(r)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(profile{Account: account, AccessToken: "accepted", Scopes: access.Scopes})
}

// tokens returns the tokens that requests came with.
func (a *api) tokens() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.shown...)
}

// accepted reports whether the latest request came with a token that is good now.
func (a *api) accepted() bool {
	shown := a.tokens()
	return len(shown) > 0 && a.auth.AccessTokenValid(shown[len(shown)-1])
}
