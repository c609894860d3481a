package local_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/internal/shell"
	"authsome/local"
)

func requirements7591() []requirement {
	return []requirement{
		{"7591-1", "what the server returns counts, not what was asked for; a secret that ends is renewed before", func(t *testing.T) {
			w := newProtectedWorld(t, func(c *authserver.Config) {
				c.ConfidentialOnly, c.ClientSecretLifetime = true, 48*time.Hour
			}).protect()
			l := w.process()
			ref := w.found(l)
			w.mustLogin(l, ref) // with the secret and the method that the server chose, or it would refuse
			if r := w.requests("/token")[0]; r.Header.Get("Authorization") == "" {
				t.Error("the client did not authenticate as it was registered")
			}
			w.pass(30 * time.Hour)
			if _, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{}); err != nil {
				t.Fatal(err)
			}
			if n := len(w.requests("/register/PUT")); n != 1 {
				t.Errorf("the registration was updated %d times, want once before its secret lapses", n)
			}
			w.pass(30 * time.Hour) // past the first secret's end
			if _, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{}); err != nil {
				t.Error(err)
			}
		}},
		{"7591-2", "a native client, both loopback hosts, both grants, public unless the server wants otherwise", func(t *testing.T) {
			for _, refuses := range []bool{false, true} {
				w := newProtectedWorld(t, func(c *authserver.Config) { c.RefuseIPv6Redirects = refuses }).protect()
				var asked []map[string]any
				w.mux.HandleFunc("POST /register", func(rw http.ResponseWriter, r *http.Request) {
					asked = append(asked, tap(t, r))
					w.serve(rw, r)
				})
				l := w.process()
				w.mustLogin(l, w.found(l))
				uris := []any{"http://127.0.0.1:9/callback", "http://[::1]:9/callback"}
				first := asked[0]
				if first["application_type"] != "native" || first["token_endpoint_auth_method"] != "none" ||
					!slices.Equal(first["redirect_uris"].([]any), uris) ||
					!slices.Equal(first["grant_types"].([]any), []any{"authorization_code", "refresh_token"}) {
					t.Errorf("asked for %v", first)
				}
				if refuses && (len(asked) != 2 || !slices.Equal(asked[1]["redirect_uris"].([]any), uris[:1])) {
					t.Errorf("after the refusal asked for %v", asked[1:])
				}
			}
		}},
		{"7592-1", "the newest registration token counts, updates are whole, revoking deletes the client", func(t *testing.T) {
			w := newProtectedWorld(t, func(c *authserver.Config) {
				c.ConfidentialOnly, c.ClientSecretLifetime = true, time.Hour
			}).protect()
			l := w.process()
			ref := w.found(l)
			w.mustLogin(l, ref)
			for range 2 { // each update gives another token; the server refuses the former one, and metadata with gaps
				w.pass(50 * time.Minute)
				if _, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{Refresh: true}); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(w.requests("/register/PUT")); n != 2 {
				t.Errorf("the registration was updated %d times, want 2", n)
			}
			if _, err := l.Revoke(t.Context(), authsome.Ref{Provider: ref.Provider}); err != nil {
				t.Fatal(err)
			}
			if left := w.server.DynamicClients(); len(left) != 0 {
				t.Errorf("the server still knows %q", left)
			}
		}},
	}
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// tap reads a request's JSON body and puts it back.
func tap(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	var b strings.Builder
	var m map[string]any
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	if err := d.Decode(&m); err != nil {
		t.Error(err)
	}
	if err := json.NewEncoder(&b).Encode(m); err != nil {
		t.Error(err)
	}
	r.Body = http.MaxBytesReader(nil, readCloser{strings.NewReader(b.String())}, 1<<20)
	return m
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// document serves a JSON document at a place.
func (w *protectedWorld) document(place string, doc map[string]any) {
	w.mux.HandleFunc(place, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(doc)
	})
}

// metadata is what a server says of itself that has the given issuer and this world's endpoints.
func (w *protectedWorld) metadata(issuer string) map[string]any {
	return map[string]any{
		"issuer": issuer, "authorization_endpoint": w.url + "/authorize", "token_endpoint": w.url + "/token",
		"registration_endpoint": w.url + "/register", "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
	}
}

func requirements8414() []requirement {
	return []requirement{
		{"8414-1", "the issuer in the document is the one that was asked, byte for byte; the well-known part comes before the path", func(t *testing.T) {
			w := newProtectedWorld(t, nil)
			l := w.process()
			issuer := w.url + "/tenant"
			doc := w.metadata(w.url + "/Tenant")
			w.document("/.well-known/oauth-authorization-server/tenant", doc)
			_, err := l.Discover(t.Context(), issuer)
			wantFailure(t, err, "names the issuer")
			doc["issuer"] = issuer
			if _, err = l.Discover(t.Context(), issuer); err != nil {
				t.Error(err)
			}
		}},
		{"8414-2", "what the document leaves out has its default: Basic client authentication", func(t *testing.T) {
			w := newProtectedWorld(t, func(c *authserver.Config) { c.ConfidentialOnly, c.Resources = true, nil })
			doc := w.metadata(w.url)
			delete(doc, "token_endpoint_auth_methods_supported")
			w.document("/.well-known/openid-configuration", doc)
			w.mux.HandleFunc("/.well-known/oauth-authorization-server", http.NotFound)
			l := w.process()
			p, err := l.Discover(t.Context(), w.url)
			if err != nil {
				t.Fatal(err)
			}
			w.mustLogin(l, authsome.Ref{Provider: p.Name})
			if _, _, ok := basicOf(w.requests("/token")[0]); !ok {
				t.Error("the client did not use Basic")
			}
		}},
	}
}

func basicOf(r authserver.Request) (user, password string, ok bool) {
	return (&http.Request{Header: r.Header}).BasicAuth()
}

func requirements9728() []requirement {
	return []requirement{
		{"9728-1", "the metadata describe the resource that was asked for, or are ignored; the challenge says where they are", func(t *testing.T) {
			w := newProtectedWorld(t, func(c *authserver.Config) { c.Resources = nil })
			l := w.process()
			doc := map[string]any{"resource": "https://elsewhere.test/mcp", "authorization_servers": []string{w.url}}
			w.document("/meta/data", doc)
			w.mux.Handle("/mcp", w.server.ProtectedResource(w.resource, w.url+"/meta/data", nil, http.NotFoundHandler()))
			// Without a document to believe, the origin itself is the server, as before RFC 9728.
			w.mux.HandleFunc("/.well-known/oauth-authorization-server", http.NotFound)
			if _, err := l.Discover(t.Context(), w.resource); err == nil {
				t.Error("the metadata of another resource were believed")
			}
			doc["resource"] = w.resource
			w.document("/.well-known/openid-configuration", w.metadata(w.url))
			if _, err := l.Discover(t.Context(), w.resource); err != nil {
				t.Error(err)
			}
		}},
		{"8707-1", "the resource is named in authorization, token and refresh requests", func(t *testing.T) {
			w := newProtectedWorld(t, nil).protect() // the server answers invalid_target otherwise
			l := w.process()
			ref := w.found(l)
			w.mustLogin(l, ref)
			if _, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{Refresh: true}); err != nil {
				t.Fatal(err)
			}
			for _, endpoint := range []string{"/authorize", "/token"} {
				for _, r := range w.requests(endpoint) {
					if got := r.Form["resource"]; !slices.Equal(got, []string{w.resource}) {
						t.Errorf("%s %s named %q", endpoint, r.GrantType, got)
					}
				}
			}
		}},
	}
}

func requirementsMCP() []requirement {
	return []requirement{
		{"MCP-1", "resource metadata, RFC 8414 and OpenID Connect discovery, path inserted before path appended", testDiscoveryOrder},
		{"MCP-2", "a server that does not say that it supports S256 is not used", func(t *testing.T) {
			w := newProtectedWorld(t, func(c *authserver.Config) { c.OmitPKCEMetadata = true }).protect()
			_, err := w.process().Discover(t.Context(), w.resource)
			wantFailure(t, err, "S256")
		}},
		{"MCP-3", "resource is sent although the server ignores it, and the token goes to that resource alone", func(t *testing.T) {
			w := newProtectedWorld(t, func(c *authserver.Config) { c.Resources = nil }).protect()
			l := w.process()
			ref := w.found(l)
			w.mustLogin(l, ref)
			if got := w.requests("/token")[0].Form.Get("resource"); got != w.resource {
				t.Errorf("the token request named the resource %q", got)
			}
			cred, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for at, want := range map[string]bool{
				w.resource: true, w.resource + "/x": true, w.url + "/other": false, w.url + "/token": false,
				"https://api.elsewhere.test/mcp": false,
			} {
				if got := cred.Allows(parse(t, at)); got != want {
					t.Errorf("%s: allowed %t, want %t", at, got, want)
				}
			}
		}},
		{"MCP-4", "clients and tokens belong to one issuer; another one means registering again, and the person's consent", testChangedIssuer},
		{"MCP-5", "a client that is known comes first, then a metadata document, then registration; scopes come from the challenge", testRegistrationOrder},
		{"MCP-6", "no refresh token is expected, and offline_access asked for only where it is listed", func(t *testing.T) {
			for _, lists := range []bool{false, true} {
				w := newProtectedWorld(t, func(c *authserver.Config) {
					c.Scopes = []string{"read", "write", "admin"}
					if lists {
						c.Scopes = append(c.Scopes, "offline_access")
					}
				}).protect("read")
				w.server.Inject(authserver.OmitRefreshToken())
				l := w.process()
				c := w.mustLogin(l, w.found(l))
				asked := strings.Fields(w.requests("/authorize")[0].Form.Get("scope"))
				if slices.Contains(asked, "offline_access") != lists || c.Refreshable || c.Status != authsome.StatusConnected {
					t.Errorf("listed %t: asked for %q, connection %+v", lists, asked, c)
				}
			}
		}},
	}
}

func testDiscoveryOrder(t *testing.T) {
	w := newProtectedWorld(t, nil)
	w.protect()
	issuer := w.url + "/as"
	w.document("/.well-known/oauth-protected-resource/mcp/deep", map[string]any{
		"resource": w.resource + "/deep", "authorization_servers": []string{issuer},
	})
	w.mux.HandleFunc("/mcp/deep", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusUnauthorized) })
	places := []string{
		"/.well-known/oauth-authorization-server/as", "/.well-known/openid-configuration/as", "/as/.well-known/openid-configuration",
	}
	w.document(places[2], w.metadata(issuer))
	l := w.process()
	if _, err := l.Discover(t.Context(), w.resource+"/deep"); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, place := range places {
		if w.hits[place] != 1 {
			t.Errorf("%s was asked for %d times, want once", place, w.hits[place])
		}
	}
}

func testChangedIssuer(t *testing.T) {
	w := newProtectedWorld(t, func(c *authserver.Config) { c.OmitIssuer = true })
	issuer := w.url + "/one"
	doc := map[string]any{"resource": w.resource, "authorization_servers": []string{issuer}}
	w.document("/.well-known/oauth-protected-resource/mcp", doc)
	w.mux.HandleFunc("/mcp", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusUnauthorized) })
	w.document("/.well-known/oauth-authorization-server/one", w.metadata(issuer))
	other := w.url + "/two;id" // which is pasted into a shell with the hint
	second := w.metadata(other)
	w.document("/.well-known/oauth-authorization-server/two;id", second)
	ref := w.found(w.process())
	w.mustLogin(w.process(), ref)

	doc["authorization_servers"] = []string{other}
	second["token_endpoint"] = w.url + "/two/token"
	_, err := w.visitAll(w.process(), authsome.LoginRequest{Ref: ref, Force: true})
	if e := authsome.AsError(err); e == nil || e.Reason != "issuer_changed" || !strings.HasSuffix(e.Hint, " --accept-issuer "+shell.Word(other)) {
		t.Fatalf("got %v, want the person to be asked", err)
	}
	second["token_endpoint"] = w.url + "/token"
	clients := len(w.requests("/register"))
	if _, err = w.visitAll(w.process(), authsome.LoginRequest{Ref: ref, Force: true, AcceptIssuer: other}); err != nil {
		t.Fatal(err)
	}
	if n := len(w.requests("/register")); n != clients+1 {
		t.Errorf("%d clients were registered with the new issuer, want 1", n-clients)
	}
	// Now it is known.
	w.mustLogin(w.process(), ref)

	second["token_endpoint"] = w.url + "/stolen"
	_, err = w.visitAll(w.process(), authsome.LoginRequest{Ref: ref, Force: true})
	if e := authsome.AsError(err); e == nil || e.Reason != "endpoint_changed" {
		t.Errorf("got %v, want the person to be asked about the token endpoint too", err)
	}
}

func testRegistrationOrder(t *testing.T) {
	const document = "https://client.example.test/authsome.json"
	w := newProtectedWorld(t, func(c *authserver.Config) {
		c.Clients[0].Auth = authserver.ClientAuthBasic
		c.ClientMetadataDocuments = func(url string) ([]string, bool) {
			return []string{"http://127.0.0.1/callback"}, url == document
		}
	}).protect("read")
	l := w.process()
	ref := w.found(l)
	authorized := func() authserver.Request {
		all := w.requests("/authorize")
		return all[len(all)-1]
	}
	w.mustLogin(l, ref)
	if id := authorized().ClientID; !strings.HasPrefix(id, "client-") {
		t.Errorf("with nothing else, the client was %q and not a registered one", id)
	}
	if scope := authorized().Form.Get("scope"); scope != "read" {
		t.Errorf("asked for the scopes %q, the challenge wants read", scope)
	}
	withDocument := w.process(func(c *local.Config) { c.ClientMetadataURL = document })
	w.mustLogin(withDocument, ref)
	if id := authorized().ClientID; id != document {
		t.Errorf("with a metadata document, the client was %q", id)
	}
	_, err := w.visitAll(withDocument, authsome.LoginRequest{Ref: ref, Force: true, Fields: fields(clientID, clientSecret)})
	if err != nil {
		t.Fatal(err)
	}
	w.mustLogin(withDocument, ref)
	if id := authorized().ClientID; id != clientID {
		t.Errorf("with a client of the person's own, the client was %q", id)
	}
}
