package local_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// A server says itself where its tokens go. It does not get what is somebody else's: its token could be one of its own account
// at that service, and what is sent there with it would be its.
func TestADiscoveredServerClaimsNobodyElsesAPI(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ userinfo, host string }{
		"a part of another API": {"https://api.github.com/user", ""},
		"all of another API":    {"https://api.github.com/", ""},
		"below a wildcard":      {"https://x.amazonaws.com/", ""},
		"a custom definition's": {"https://api.other.example/me", ""},
		"its own, as defined":   {"https://api.own.example/me", "api.own.example/me"},
		"nobody's":              {"https://api.new.example/me", "api.new.example/me"},
		"none":                  {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var issuer string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/.well-known/openid-configuration" {
					http.NotFound(w, r)
					return
				}
				_ = json.NewEncoder(w).Encode(map[string]any{
					"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
					"userinfo_endpoint": tt.userinfo,
				})
			}))
			t.Cleanup(server.Close)
			issuer = server.URL
			l := newWorld(t, nil).process()
			for name, endpoint := range map[string]string{"own": issuer + "/token", "other": "https://login.other.example/token"} {
				definition := fmt.Sprintf(`{"schema_version": 1, "name": %q, "display_name": "x", "auth_type": "oauth2", "flow": "pkce",
					"hosts": ["api.%s.example"], "oauth": {"authorization_url": %q, "token_url": %q}}`, name, name, endpoint, endpoint)
				if _, err := l.Register(t.Context(), []byte(definition), false); err != nil {
					t.Fatal(err)
				}
			}
			p, err := l.Discover(t.Context(), issuer)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.host
			if want == "" {
				want = issuer
			}
			if !slices.Equal(p.Hosts, []string{want}) {
				t.Errorf("its tokens go to %q, want %q", p.Hosts, want)
			}
		})
	}
}
