package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"authsome/internal/oauth"
)

// A server elsewhere has no business with what listens on this machine: neither is its metadata looked for there, nor are
// codes and tokens sent there.
func TestDiscoveryIsNotLedToThisMachineInTheClear(t *testing.T) {
	t.Parallel()
	asked := false
	local := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(local.Close)
	var metadata map[string]any
	remote := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/mcp" {
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+local.URL+`/meta"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(metadata)
	}))
	t.Cleanup(remote.Close)
	d := &oauth.Discoverer{HTTP: remote.Client()}
	for name, said := range map[string]map[string]any{
		"token endpoint": {
			"issuer": remote.URL, "authorization_endpoint": remote.URL + "/a", "token_endpoint": local.URL + "/token",
			"code_challenge_methods_supported": []string{"S256"},
		},
		"authorization server": {"resource": remote.URL + "/mcp", "authorization_servers": []string{local.URL}},
	} {
		metadata = said
		if found, err := d.Resource(t.Context(), remote.URL+"/mcp"); err == nil {
			t.Errorf("%s: found %+v", name, found)
		}
	}
	metadata = map[string]any{"issuer": remote.URL, "token_endpoint": local.URL + "/token"}
	if found, err := d.Issuer(t.Context(), remote.URL); err == nil {
		t.Errorf("found %+v", found)
	}
	if asked {
		t.Error("this machine was asked")
	}
}
