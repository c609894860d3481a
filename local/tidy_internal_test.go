package local

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"authsome"
)

// A login that fails takes along the client that was registered for it, and none that other logins live on.
func TestFailedLoginDeletesOnlyItsOwnClient(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stored  uint64
		deleted int
	}{"registered for it": {0, 1}, "stored before": {3, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deleted := 0
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { deleted++ }))
			t.Cleanup(server.Close)
			l := newLayer(Config{Home: t.TempDir()}, nil)
			id := l.begin(&begunLogin{
				ref: authsome.Ref{Provider: "acme"}, provider: &authsome.Provider{}, spec: &authsome.OAuth{}, state: "state",
				client: &registrationRecord{
					ClientID: "c", Dynamic: true, RegistrationURL: server.URL, RegistrationToken: sealed{authsome.NewSecret("token")},
					version: test.stored,
				},
			})
			if _, err := l.Complete(t.Context(), id, "http://127.0.0.1/callback?state=other"); err == nil {
				t.Fatal("the login has not failed")
			}
			if deleted != test.deleted {
				t.Errorf("%d requests to delete the client, want %d", deleted, test.deleted)
			}
		})
	}
}
