package local_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"authsome"
)

// Who gives up while the server is looked for has cancelled; the login has not failed.
func TestLoginCancelledDuringDiscovery(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, nil)
	l := w.process()
	w.define(l, fmt.Sprintf(`{
		"schema_version": 1, "name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "pkce",
		"host_url": "api.acme.test", "oauth": {"discovery": "issuer", "issuer": %q}
	}`, server.URL))
	if _, err := l.Authorize(ctx, authsome.LoginRequest{Ref: acme}); authsome.KindOf(err) != authsome.KindCancelled {
		t.Errorf("Authorize: %v", err)
	}
	if e := w.lastLogin(); !e.Failed || e.Reason != "cancelled" {
		t.Errorf("recorded %+v", e)
	}
	if _, err := l.Discover(ctx, server.URL+"/other"); authsome.KindOf(err) != authsome.KindCancelled {
		t.Errorf("Discover: %v", err)
	}
}
