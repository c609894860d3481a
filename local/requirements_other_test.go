package local_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/internal/loopback"
	"authsome/internal/mitm"
	"authsome/internal/oauth"
	"authsome/local"
)

// api starts an HTTPS API under any name and returns a client that authenticates with acme's connection.
func (w *world) api(l *local.Layer, serve http.HandlerFunc) (*http.Client, *local.Layer) {
	w.t.Helper()
	ca, err := mitm.NewCA(time.Now)
	if err != nil {
		w.t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(serve)
	srv.TLS = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return ca.Leaf(h.ServerName) }}
	srv.StartTLS()
	w.t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.CertificatePEM())
	base := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, srv.Listener.Addr().String())
		},
	}
	return &http.Client{Transport: &authsome.Transport{Source: l, Ref: acme, Base: base}}, l
}

func requirements8252() []requirement {
	listen := func(t *testing.T) (*loopback.Callback, netip.AddrPort) {
		t.Helper()
		c, err := loopback.ListenCallback(loopback.CallbackConfig{Provider: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		u := parse(t, c.RedirectURI())
		at, err := netip.ParseAddrPort(u.Host)
		if err != nil {
			t.Fatalf("the redirect URI %s has no IP literal and port: %v", u, err)
		}
		return c, at
	}
	return []requirement{
		{"8252-1", "the redirect goes to a loopback IP literal, with a port chosen at run time", func(t *testing.T) {
			_, first := listen(t)
			_, second := listen(t)
			if !first.Addr().IsLoopback() || first.Port() == second.Port() || first.Port() == 0 {
				t.Errorf("listens at %s and %s", first, second)
			}
		}},
		{"8252-2", "the listener is on loopback only, takes one path, answers others 404, and is gone afterwards", func(t *testing.T) {
			c, at := listen(t)
			browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			get := func(path string) int {
				resp, err := browser.Get("http://" + at.String() + path)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				return resp.StatusCode
			}
			if got := get("/other"); got != http.StatusNotFound {
				t.Errorf("another path: HTTP %d", got)
			}
			c.Expect("s")
			ended := make(chan error, 1)
			go func() {
				_, err := c.Wait(t.Context())
				ended <- err
			}()
			if got := get("/callback?code=c&state=s"); got >= 400 {
				t.Errorf("the redirect: HTTP %d", got)
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			if conn, err := net.Dial("tcp", at.String()); err == nil {
				_ = conn.Close()
				t.Error("the port is still open")
			}
		}},
		{"8252-3", "either loopback address will do, and no secret is shipped", func(t *testing.T) {
			w := newWorld(t, nil)
			for _, at := range []string{"http://127.0.0.1:7/callback", "http://[::1]:7/callback"} {
				w.server = authserver.New(authserver.Config{
					Clients: []authserver.Client{{
						ID: clientID, Secret: clientSecret, RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"},
					}}, Consent: authserver.ConsentApprove, Now: w.clock,
				})
				l := w.process()
				w.define(l, w.definition())
				step, err := l.Authorize(t.Context(), authsome.LoginRequest{
					Ref: acme, Force: true, RedirectURI: at, Fields: fields(clientID, clientSecret),
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := l.Complete(t.Context(), step.ID, w.visit(step.URL)); err != nil {
					t.Errorf("%s: %v", at, err)
				}
			}
			// Every bundled definition leaves client and secret to the person: nothing to ask for means something shipped.
			step, err := w.process().Authorize(t.Context(), authsome.LoginRequest{Ref: authsome.Ref{Provider: "github"}, Flow: authsome.FlowPKCE})
			if err != nil || len(step.Fields) == 0 || step.Fields[0].Name != authsome.FieldClientID {
				t.Errorf("github asks for %+v, %v", step, err)
			}
		}},
	}
}

func requirements8628() []requirement {
	// polls logs a device in whose person waits a minute, and returns when each poll came.
	polls := func(t *testing.T, w *world, l *local.Layer, decide func(code string) bool) ([]time.Time, error) {
		t.Helper()
		step, err := l.Authorize(t.Context(), deviceRequest())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, func() { decide(step.Device.UserCode) })
		_, err = l.Complete(t.Context(), step.ID, "")
		var at []time.Time
		for _, r := range w.requests("/token") {
			at = append(at, r.At)
		}
		return at, err
	}
	return []requirement{
		{"8628-1", "no poll comes before the interval, which is 5 s if absent and grows by 5 s for good at slow_down", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, l := deviceWorld(t, func(c *authserver.Config) { c.OmitDeviceInterval = true })
				w.server.Inject(authserver.OAuthError(400, "authorization_pending"), authserver.OAuthError(400, "slow_down"))
				at, err := polls(t, w, l, w.server.ApproveDevice)
				if err != nil || len(at) < 4 {
					t.Fatalf("%d polls, %v", len(at), err)
				}
				for i := 1; i < len(at); i++ {
					least := 5 * time.Second
					if i >= 2 {
						least = 10 * time.Second
					}
					if pause := at[i].Sub(at[i-1]); pause < least {
						t.Errorf("poll %d came after %s, want %s", i, pause, least)
					}
				}
			})
		}},
		{"8628-2", "polling ends with access_denied and expired_token, and goes on, more slowly, after failures", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, l := deviceWorld(t, nil)
				if _, err := polls(t, w, l, w.server.DenyDevice); authsome.KindOf(err) != authsome.KindCancelled {
					t.Errorf("denied: %v", err)
				}
				w, l = deviceWorld(t, func(c *authserver.Config) { c.DeviceCodeLifetime = 30 * time.Second })
				_, err := polls(t, w, l, func(string) bool { return true })
				wantFailure(t, err, "in time")
				w, l = deviceWorld(t, nil)
				w.server.Inject(authserver.Status(503, ""), authserver.Status(503, ""), authserver.Status(502, ""))
				at, err := polls(t, w, l, w.server.ApproveDevice)
				if err != nil {
					t.Fatal(err)
				}
				if at[2].Sub(at[1]) <= at[1].Sub(at[0]) {
					t.Errorf("the polls came at %v, want longer and longer pauses", at)
				}
			})
		}},
		{"8628-3", "user code and verification address are always shown; Google's name for the latter is understood", func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				_, _ = rw.Write([]byte(`{"device_code": "d", "user_code": "ABCD", "expires_in": 60,
					"verification_url": "https://example.test/device",
					"verification_uri_complete": "https://example.test/device?code=ABCD"}`))
			}))
			t.Cleanup(srv.Close)
			w := newWorld(t, nil)
			l := w.process()
			w.define(l, strings.ReplaceAll(w.deviceDefinition(), w.url, srv.URL))
			step, err := l.Authorize(t.Context(), deviceRequest())
			if err != nil {
				t.Fatal(err)
			}
			d := step.Device
			if d.UserCode != "ABCD" || d.VerificationURI != "https://example.test/device" || d.VerificationURIComplete == "" {
				t.Errorf("got %+v", d)
			}
		}},
	}
}

func requirements7009() []requirement {
	return []requirement{
		{"7009-1", "the refresh token is revoked, with a hint; the access token where only that can be", func(t *testing.T) {
			w := newWorld(t, nil)
			l := w.process()
			w.login(l)
			access := w.mustToken(l).Value.Reveal()
			if _, err := l.Revoke(t.Context(), acme); err != nil {
				t.Fatal(err)
			}
			r := w.requests("/revoke")[0].Form
			if !strings.HasPrefix(r.Get("token"), "rt-") || r.Get("token_type_hint") != "refresh_token" || w.server.AccessTokenValid(access) {
				t.Errorf("revoked %v, access token good: %t", r, w.server.AccessTokenValid(access))
			}
			var hints []string
			srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				hints = append(hints, r.FormValue("token_type_hint"))
				if r.FormValue("token_type_hint") == "refresh_token" {
					rw.WriteHeader(http.StatusBadRequest)
					_, _ = rw.Write([]byte(`{"error": "unsupported_token_type"}`))
				}
			}))
			t.Cleanup(srv.Close)
			w.loginAt(l, strings.Replace(w.definition(), w.url+"/revoke", srv.URL, 1))
			report, err := l.Revoke(t.Context(), acme)
			if err != nil || !report.Connections[0].Remote || strings.Join(hints, " ") != "refresh_token access_token" {
				t.Errorf("%+v, %v after %q", report, err, hints)
			}
		}},
		{"7009-2", "200 for an unknown token is success, 503 is not; the local copy goes in any case", func(t *testing.T) {
			for status, remote := range map[int]bool{200: true, 503: false} {
				srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }))
				t.Cleanup(srv.Close)
				w := newWorld(t, nil)
				l := w.process()
				w.loginAt(l, strings.Replace(w.definition(), w.url+"/revoke", srv.URL, 1))
				report, err := l.Revoke(t.Context(), acme)
				if err != nil || report.Connections[0].Remote != remote {
					t.Errorf("HTTP %d: %+v, %v", status, report, err)
				}
				if _, err := w.token(l); authsome.KindOf(err) != authsome.KindConnectionNotFound {
					t.Errorf("HTTP %d: the connection is still there: %v", status, err)
				}
			}
		}},
	}
}

func requirements7662() []requirement {
	return []requirement{
		{"7662-1", "only a boolean active counts, and a token is asked about only when its expiry is not known", func(t *testing.T) {
			for _, omit := range []bool{false, true} {
				w := newWorld(t, nil)
				if omit {
					w.server.Inject(authserver.OmitExpiresIn())
				}
				l := w.process()
				w.define(l, strings.Replace(w.definition(), `"scopes":`, `"introspection_url": "`+w.url+`/introspect", "scopes":`, 1))
				c, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Fields: fields(clientID, clientSecret)})
				if err != nil {
					t.Fatal(err)
				}
				asked := len(w.requests("/introspect")) == 1
				if asked != omit || !c.ExpiresAt.Equal(w.clock().Add(time.Hour)) {
					t.Errorf("expires_in left out %t: asked %t, expires %s", omit, asked, c.ExpiresAt)
				}
			}
			srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				_, _ = rw.Write([]byte(`{"active": "true", "exp": 4102444800}`))
			}))
			t.Cleanup(srv.Close)
			c := &oauth.Client{Provider: authsome.OAuth{IntrospectionURL: srv.URL}, ClientID: "c"}
			if said, err := c.Introspect(t.Context(), authsome.NewSecret("t")); err == nil {
				t.Errorf("a text was taken for a verdict: %+v", said)
			}
		}},
		{"OIDC-1", "the issuer is the one asked for; an ID token counts only from it, for us, in time, with our nonce", func(t *testing.T) {
			w := newProtectedWorld(t, nil)
			doc := w.metadata(w.url + "/elsewhere")
			w.document("/as/.well-known/openid-configuration", doc)
			_, err := w.process().Discover(t.Context(), w.url+"/as")
			wantFailure(t, err, "names the issuer")

			now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
			good := map[string]any{"iss": "https://id.test", "aud": "us", "exp": now.Add(time.Hour).Unix(), "nonce": "n", "sub": "me"}
			for name, change := range map[string]func(map[string]any){
				"":                 func(map[string]any) {},
				"issuer":           func(c map[string]any) { c["iss"] = "https://id.test/" },
				"audience":         func(c map[string]any) { c["aud"] = []string{"them"} },
				"authorized party": func(c map[string]any) { c["aud"] = []string{"us", "them"} },
				"expiry":           func(c map[string]any) { c["exp"] = now.Unix() },
				"no expiry":        func(c map[string]any) { delete(c, "exp") },
				"nonce":            func(c map[string]any) { c["nonce"] = "m" },
			} {
				claims := make(map[string]any)
				for k, v := range good {
					claims[k] = v
				}
				change(claims)
				token := tokenWithID(t, claims)
				said, err := token.IDToken("https://id.test", "us", "n", now)
				if (err == nil) != (name == "") || err == nil && said.Member("sub") != "me" {
					t.Errorf("wrong %s: %v", name, err)
				}
			}
		}},
	}
}

func requirements9207() []requirement {
	return []requirement{{"9207-1", "iss must be there where it is promised and equal the issuer, on errors too; else nothing of the answer counts", func(t *testing.T) {
		for _, answer := range []string{
			"code=stolen&iss=https://evil.test", "error=access_denied&error_description=lies&iss=https://evil.test",
			"code=stolen", "error=access_denied&error_description=lies", "code=stolen&iss=ISSUER/",
		} {
			w := newProtectedWorld(t, nil).protect() // its metadata promise iss
			l := w.process()
			step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: w.found(l), RedirectURI: redirectURI})
			if err != nil {
				t.Fatal(err)
			}
			state := parse(t, step.URL).Query().Get("state")
			answer = strings.ReplaceAll(answer, "ISSUER", w.url)
			_, err = l.Complete(t.Context(), step.ID, redirectURI+"?state="+url.QueryEscape(state)+"&"+answer)
			if err == nil || strings.Contains(err.Error(), "lies") || !strings.Contains(err.Error(), "issuer mismatch") || w.server.TokenRequests() != 0 {
				t.Errorf("%s: %v after %d token requests", answer, err, w.server.TokenRequests())
			}
		}
	}}}
}

func requirements9126() []requirement {
	return []requirement{{"9126-1", "where requests must be pushed they are, with client authentication; the browser gets the reference, once", func(t *testing.T) {
		w := newProtectedWorld(t, func(c *authserver.Config) { c.RequirePAR, c.ConfidentialOnly = true, true }).protect()
		l := w.process()
		ref := w.found(l)
		w.mustLogin(l, ref)
		pushed, asked := w.requests("/par"), w.requests("/authorize")
		if len(pushed) != 1 || pushed[0].Header.Get("Authorization") == "" || pushed[0].Form.Get("code_challenge") == "" {
			t.Errorf("pushed %+v", pushed)
		}
		if q := asked[0].Form; len(q) != 2 || q.Get("request_uri") == "" || q.Get("client_id") == "" {
			t.Errorf("the browser was sent with %v", q)
		}
		w.mustLogin(l, ref)
		if again := w.requests("/authorize"); again[1].Form.Get("request_uri") == again[0].Form.Get("request_uri") {
			t.Error("a reference was used twice")
		}
	}}}
}

func requirements9449() []requirement {
	return []requirement{{"9449-1", "a proof with each request, new each time, with ath at the API and the nonce that is wanted; never as Bearer", func(t *testing.T) {
		w := newProtectedWorld(t, func(c *authserver.Config) { c.DPoP, c.DPoPNonces = true, true }).protect()
		l := w.process() // the server refuses proofs that are stale, repeated, or for something else
		ref := w.found(l)
		w.mustLogin(l, ref)
		w.server.RotateNonce()
		if _, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{Refresh: true}); err != nil {
			t.Fatal(err)
		}
		if n := w.server.TokenRequests("refresh_token"); n != 2 {
			t.Errorf("%d refresh requests, want one for the nonce and one that counts", n)
		}
		cred, err := l.Credential(t.Context(), ref, authsome.CredentialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cred.Header(); err == nil {
			t.Error("the token can be had as a header")
		}
		served := 0
		w.mux.Handle("/mcp/api", w.server.Resource(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ })))
		client := http.Client{Transport: &authsome.Transport{Source: fixed{cred}, Ref: ref}}
		for range 2 {
			w.server.RotateNonce()
			resp, err := client.Get(w.resource + "/api?q=1")
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%v, %v", resp, err)
			}
		}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.resource+"/api", nil)
		req.Header.Set("Authorization", "Bearer "+cred.Value.Reveal())
		if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusUnauthorized || served != 2 {
			t.Errorf("as Bearer: %v, %v; %d requests served", resp, err, served)
		}
	}}}
}

// fixed is a source with one credential.
type fixed struct{ cred *authsome.Credential }

func (f fixed) Credential(context.Context, authsome.Ref, authsome.CredentialOptions) (*authsome.Credential, error) {
	return f.cred, nil
}

func requirements9700() []requirement {
	return []requirement{
		{"9700-1", "PKCE in every code flow, state against forgery, the issuer against mix-up", func(t *testing.T) {
			w := newProtectedWorld(t, nil).protect()
			l := w.process()
			w.mustLogin(l, w.found(l))
			q := w.requests("/authorize")[0].Form
			if q.Get("code_challenge") == "" || len(q.Get("state")) < 32 {
				t.Errorf("asked with %v", q)
			}
			for _, r := range w.requests("/token") {
				if r.Form.Get("code_verifier") == "" {
					t.Error("a code was exchanged without a verifier")
				}
			}
		}},
		{"9700-2", "no implicit and no password grant; a public client's refresh token rotates", func(t *testing.T) {
			w := newWorld(t, func(c *authserver.Config) { c.Clients[0].Secret = "" })
			l := w.process()
			for _, flow := range []string{"implicit", "password"} {
				if _, err := l.Register(t.Context(), []byte(strings.Replace(w.definition(), `"flow": "pkce"`, `"flow": "`+flow+`"`, 1)), true); err == nil {
					t.Errorf("the flow %s can be had", flow)
				}
			}
			w.define(l, strings.Replace(w.definition(), `"client_auth": "post"`, `"client_auth": "none"`, 1))
			if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Fields: fields(clientID, "")}); err != nil {
				t.Fatal(err)
			}
			sent := make(map[string]bool)
			for range 2 {
				w.mustToken(l, authsome.CredentialOptions{Refresh: true})
			}
			for _, r := range w.requests("/token") {
				if token := r.Form.Get("refresh_token"); token != "" && sent[token] {
					t.Error("a refresh token was sent twice")
				} else {
					sent[token] = true
				}
			}
		}},
		{"9700-3", "no more scopes than asked for, one resource per token, and no redirect followed with a secret", func(t *testing.T) {
			w := newWorld(t, nil)
			stolen := 0
			thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen++ }))
			t.Cleanup(thief.Close)
			l := w.process()
			w.login(l)
			if got := w.requests("/authorize")[0].Form.Get("scope"); got != "read write" {
				t.Errorf("asked for %q", got)
			}
			w.server.Inject(authserver.Redirect(thief.URL))
			w.pass(2 * time.Hour)
			_, err := w.token(l)
			if e := authsome.AsError(err); e == nil || stolen != 0 {
				t.Errorf("%v, and %d requests at the thief's", err, stolen)
			}
			if w.status(l) != authsome.StatusExpired {
				t.Errorf("a redirect made the connection %s", w.status(l))
			}
		}},
	}
}

// tokenWithID is a token answer with an ID token of these claims.
func tokenWithID(t *testing.T, claims map[string]any) *oauth.Token {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(`{"access_token": "a", "token_type": "Bearer", "id_token": "` + unsigned(t, claims) + `"}`))
	}))
	defer srv.Close()
	c := &oauth.Client{Provider: authsome.OAuth{TokenURL: srv.URL}, ClientID: "us"}
	token, err := c.Refresh(t.Context(), authsome.NewSecret("r"))
	if err != nil {
		t.Fatal(errors.Unwrap(err), err)
	}
	return token
}
