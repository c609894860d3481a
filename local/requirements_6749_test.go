package local_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
)

func requirements6749() []requirement {
	return []requirement{
		{"6749-1", "token requests are POST, form-encoded, over TLS; no parameter twice, empty ones omitted", func(t *testing.T) {
			w := newWorld(t, nil) // it refuses another media type and repeated parameters
			l := w.process()
			w.login(l)
			w.mustToken(l, authsome.CredentialOptions{Refresh: true})
			for _, r := range w.requests("/token") {
				for name, values := range r.Form {
					if len(values) != 1 || values[0] == "" {
						t.Errorf("%s: %s is %q", r.GrantType, name, values)
					}
				}
			}
			insecure := strings.ReplaceAll(w.definition(), w.url, "http://auth.acme.test")
			if _, err := l.Register(t.Context(), []byte(insecure), true); err == nil {
				t.Error("a token endpoint in the clear was accepted")
			}
		}},
		{"6749-2", "for Basic, identifier and secret are form-encoded first", func(t *testing.T) {
			const id, secret = "client: one", "s/e+c%ret"
			w := newWorld(t, func(c *authserver.Config) {
				c.Clients[0].ID, c.Clients[0].Secret, c.Clients[0].Auth = id, secret, authserver.ClientAuthBasic
			})
			l := w.process()
			w.define(l, strings.Replace(w.definition(), `"client_auth": "post"`, `"client_auth": "basic"`, 1))
			if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Fields: fields(id, secret)}); err != nil {
				t.Error(err)
			}
		}},
		{"6749-3", "one client authentication method per request", func(t *testing.T) {
			w := newWorld(t, nil)
			l := w.process()
			w.login(l)
			w.mustToken(l, authsome.CredentialOptions{Refresh: true})
			for _, r := range w.requests("/token") {
				if _, _, basic := basicOf(r); basic || r.Form.Get("client_secret") == "" {
					t.Errorf("%s: Basic %t, client_secret %t", r.GrantType, basic, r.Form.Has("client_secret"))
				}
			}
		}},
		{"6749-4", "redirect_uri of the token request is that of the authorization request; a code is used once", func(t *testing.T) {
			w := newWorld(t, nil)
			l := w.process()
			w.define(l, w.definition())
			step, err := l.Authorize(t.Context(), authsome.LoginRequest{
				Ref: acme, RedirectURI: redirectURI, Fields: fields(clientID, clientSecret),
			})
			if err != nil {
				t.Fatal(err)
			}
			answer := w.visit(step.URL)
			if _, err := l.Complete(t.Context(), step.ID, answer); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Complete(t.Context(), step.ID, answer); err == nil || w.server.TokenRequests() != 1 {
				t.Errorf("the same answer again: %v, after %d token requests", err, w.server.TokenRequests())
			}
			if got := w.requests("/token")[0].Form.Get("redirect_uri"); got != redirectURI {
				t.Errorf("the token request named %q", got)
			}
		}},
		{"6749-5", "state is checked before anything else; unknown members are ignored, tokens may be long", func(t *testing.T) {
			w := newWorld(t, nil)
			l := w.process()
			w.define(l, w.definition())
			step, err := l.Authorize(t.Context(), authsome.LoginRequest{
				Ref: acme, RedirectURI: redirectURI, Fields: fields(clientID, clientSecret),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = l.Complete(t.Context(), step.ID, redirectURI+"?state=forged&error=access_denied&error_description=lies")
			if err == nil || strings.Contains(err.Error(), "lies") || w.server.TokenRequests() != 0 {
				t.Errorf("a forged answer: %v", err)
			}
			long := strings.Repeat("x", 20_000)
			w.server.Inject(authserver.Edit("long", func(body map[string]any) {
				body["access_token"], body["what_is_this"] = long, map[string]any{"a": []int{1}}
			}))
			if w.login(l); w.mustToken(l).Value.Reveal() != long {
				t.Error("the long token did not arrive")
			}
		}},
		{"6749-6", "token_type is compared without regard to case, and an unknown type not used", func(t *testing.T) {
			w := newWorld(t, nil)
			l := w.process()
			for name, good := range map[string]bool{"bearer": true, "BEARER": true, "mac": false, "DPoP": false} {
				w.server.Inject(authserver.Edit("type", func(body map[string]any) { body["token_type"] = name }))
				w.define(l, w.definition())
				_, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Force: true, Fields: fields(clientID, clientSecret)})
				if (err == nil) != good {
					t.Errorf("%s: %v", name, err)
				}
			}
		}},
		{"6749-7", "a refresh token in the answer replaces the old one, none keeps it; no wider scope is asked for", func(t *testing.T) {
			for _, rotation := range []authserver.Rotation{authserver.RotateStrict, authserver.NoRotation} {
				w := newWorld(t, func(c *authserver.Config) { c.Rotation = rotation })
				l := w.process()
				w.login(l)
				for range 3 { // a token that was replaced, or lost, would be refused
					w.mustToken(l, authsome.CredentialOptions{Refresh: true})
				}
				for _, r := range w.requests("/token") {
					if r.GrantType == "refresh_token" && r.Form.Has("scope") {
						t.Errorf("a refresh asked for %q", r.Form.Get("scope"))
					}
				}
			}
		}},
		{"6749-8", "a refresh token goes to the token endpoint of its own server and to no other", func(t *testing.T) {
			w := newWorld(t, nil)
			l := w.process()
			w.login(l)
			w.define(l, strings.ReplaceAll(w.definition(), `/token"`, `/elsewhere"`))
			w.pass(2 * time.Hour)
			_, err := w.token(l)
			wantFailure(t, err, "token endpoint changed")
			if n := w.refreshCalls(); n != 0 {
				t.Errorf("%d refresh requests", n)
			}
		}},
		{"6749-9", "no scope in the answer means as requested; another one is the truth", func(t *testing.T) {
			for scope, want := range map[string][]string{"": {"read", "write"}, "read": {"read"}} {
				w := newWorld(t, nil)
				w.server.Inject(authserver.Edit("scope", func(body map[string]any) {
					if delete(body, "scope"); scope != "" {
						body["scope"] = scope
					}
				}))
				if c := w.login(w.process()); !slices.Equal(c.Scopes, want) {
					t.Errorf("scope %q: got %q", scope, c.Scopes)
				}
			}
		}},
	}
}

func requirements6750() []requirement {
	return []requirement{
		{"6750-1", "the token is in the Authorization header, never in a URL, and only where the certificate is good", func(t *testing.T) {
			w := newWorld(t, nil)
			l := w.process()
			w.login(l)
			var seen []*http.Request
			api, l := w.api(l, func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r.Clone(r.Context())) })
			if _, err := api.Get("https://api.acme.test/x?y=1"); err != nil {
				t.Fatal(err)
			}
			token := w.mustToken(l).Value.Reveal()
			if len(seen) != 1 || seen[0].Header.Get("Authorization") != "Bearer "+token || seen[0].RequestURI != "/x?y=1" {
				t.Errorf("the API saw %+v", seen)
			}
			distrustful := api.Transport.(*authsome.Transport)
			base := distrustful.Base.(*http.Transport).Clone()
			base.TLSClientConfig.RootCAs = nil // the system's, which do not know this API
			if _, err := (&http.Client{Transport: &authsome.Transport{Source: l, Ref: acme, Base: base}}).Get("https://api.acme.test/"); err == nil || len(seen) != 1 {
				t.Errorf("an unknown certificate was accepted: %v", err)
			}
		}},
		{"6750-2", "invalid_token leads to one refresh, insufficient_scope to none", func(t *testing.T) {
			for code, refreshes := range map[string]int{"invalid_token": 1, "insufficient_scope": 0} {
				w := newWorld(t, nil)
				l := w.process()
				w.login(l)
				w.pass(2 * time.Minute)
				api, _ := w.api(l, func(rw http.ResponseWriter, _ *http.Request) {
					rw.Header().Set("WWW-Authenticate", `Bearer realm="x", error="`+code+`"`)
					rw.WriteHeader(http.StatusUnauthorized)
				})
				resp, err := api.Get("https://api.acme.test/")
				if err != nil || resp.StatusCode != http.StatusUnauthorized {
					t.Fatalf("%v, %v", resp, err)
				}
				if n := w.refreshCalls(); n != refreshes {
					t.Errorf("%s: %d refreshes, want %d", code, n, refreshes)
				}
			}
		}},
	}
}

func requirements7636() []requirement {
	return []requirement{{"7636-1", "a fresh verifier of 32 random bytes each time, S256, and never plain instead", func(t *testing.T) {
		w := newWorld(t, nil) // it takes S256 only and compares the verifier with it
		l := w.process()
		w.login(l)
		w.login(l)
		var verifiers []string
		for _, r := range w.requests("/token") {
			verifiers = append(verifiers, r.Form.Get("code_verifier"))
		}
		if len(verifiers) != 2 || verifiers[0] == verifiers[1] || len(verifiers[0]) != 43 {
			t.Errorf("the verifiers were %q", verifiers)
		}
		w.define(l, strings.Replace(w.definition(), "/authorize", "/authorize?code_challenge_method=plain", 1))
		_, _ = w.tryLogin(l, authsome.LoginRequest{Ref: acme, Force: true, Fields: fields(clientID, clientSecret)})
		for _, r := range w.requests("/authorize") {
			if got := r.Form["code_challenge_method"]; !slices.Equal(got, []string{"S256"}) {
				t.Errorf("asked with %q", got)
			}
		}
	}}}
}
