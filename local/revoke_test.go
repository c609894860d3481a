package local_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"authsome"
)

// A refresh token goes to the server that issued it (RFC 6749 section 10.4), also in order to be revoked.
func TestRevokeTellsNoOtherServer(t *testing.T) {
	t.Parallel()
	for name, endpoints := range map[string][]string{
		"both endpoints":      {"/token", "/revoke"},
		"token endpoint":      {"/token"},
		"revocation endpoint": {"/revoke"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			called := false
			elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
			t.Cleanup(elsewhere.Close)
			w := newWorld(t, nil)
			l := w.process()
			w.login(l)
			edited := w.definition()
			for _, path := range endpoints {
				edited = strings.ReplaceAll(edited, w.url+path, elsewhere.URL+path)
			}
			w.define(l, edited)
			report, err := l.Revoke(t.Context(), acme)
			if err != nil || report.Connections[0].Remote || report.Connections[0].Problem == "" {
				t.Errorf("got %+v, %v", report, err)
			}
			if called {
				t.Error("another server was told the token")
			}
			if _, err := w.token(l); authsome.KindOf(err) != authsome.KindConnectionNotFound {
				t.Errorf("the connection is still there: %v", err)
			}
		})
	}
}

// A server may revoke at another path of its own than it did at the login.
func TestRevokeFollowsTheServerThatIssued(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	token := w.mustToken(l).Value.Reveal()
	w.define(l, strings.ReplaceAll(w.definition(), w.url+"/revoke", w.url+"/revoke?moved"))
	report, err := l.Revoke(t.Context(), acme)
	if err != nil || !report.Connections[0].Remote || w.server.AccessTokenValid(token) {
		t.Errorf("got %+v, %v", report, err)
	}
}
