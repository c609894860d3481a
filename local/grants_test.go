package local_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
	"authsome/local"
)

func (w *world) grantDefinition(name, flow, more string) string {
	return fmt.Sprintf(`{
		"name": %q, "display_name": "Grant", "auth_type": "oauth2", "flow": %q, "host_url": "api.%[1]s.test",
		"client": {"client_id_env": "GRANT_ID", "client_secret_env": "GRANT_SECRET"},
		"oauth": {"token_url": "%[3]s/token", "client_auth": "post", %[4]s}
	}`, name, flow, w.url, more)
}

// exchange logs in to a provider with the token of another connection.
func (w *world) exchange(l *local.Layer, of authsome.ProviderName, subject authsome.Ref) error {
	w.t.Helper()
	step, err := l.Authorize(w.t.Context(), authsome.LoginRequest{
		Ref: authsome.Ref{Provider: of, Connection: "default"}, Subject: subject, Force: true,
		Fields: fields(clientID, clientSecret),
	})
	if err == nil && step.Connection == nil {
		w.t.Fatalf("the login wants more: %+v", step)
	}
	return err
}

// A subject that is named by its provider alone is the connection that get would mean.
func TestExchangeOfTheDefaultConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.define(l, w.definition())
	work := acme
	work.Connection = "work"
	if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: work, Fields: fields(clientID, clientSecret)}); err != nil {
		t.Fatal(err)
	}
	w.define(l, w.grantDefinition("swap", "token_exchange", `"token_exchange": {}`))
	if err := w.exchange(l, "swap", authsome.Ref{Provider: "acme"}); err != nil {
		t.Error(err)
	}
	err := w.exchange(l, "swap", authsome.Ref{Provider: "acme", Connection: "default"})
	if authsome.KindOf(err) != authsome.KindConnectionNotFound {
		t.Errorf("a subject that there is not: %v", err)
	}
}

// Two connections that exchange each other's tokens would wait for each other.
func TestExchangeInACircleIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	for _, name := range []string{"one", "two", "three"} {
		w.define(l, w.grantDefinition(name, "token_exchange", `"token_exchange": {}`))
	}
	for _, step := range [][2]authsome.ProviderName{{"one", "acme"}, {"two", "one"}, {"three", "two"}} {
		if err := w.exchange(l, step[0], authsome.Ref{Provider: step[1]}); err != nil {
			t.Fatal(err)
		}
	}
	for _, subject := range []authsome.ProviderName{"one", "two", "three"} {
		if err := w.exchange(l, "one", authsome.Ref{Provider: subject}); authsome.KindOf(err) != authsome.KindUsage {
			t.Errorf("one in exchange for %s: %v", subject, err)
		}
	}
}

// What a server grants need not be what it can be asked for, and a narrower grant must not narrow the next request.
func TestGrantAsksAgainForWhatWasAskedForAtLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.define(l, w.grantDefinition("acme", "client_credentials", `"scopes": ["read", "write"]`))
	w.server.Inject(authserver.Edit("granted otherwise", func(body map[string]any) { body["scope"] = "internal:other" }))
	step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Fields: fields(clientID, clientSecret)})
	if err != nil || step.Connection == nil {
		t.Fatalf("%+v, %v", step, err)
	}
	w.pass(2 * time.Hour)
	w.mustToken(l)
	all := w.server.Requests()
	if got := all[len(all)-1].Form.Get("scope"); len(all) != 2 || got != "read write" {
		t.Errorf("the request number %d asks for %q", len(all), got)
	}
}

// The scopes of a definition for logins of people are not asked for by a client for itself.
func TestClientAsksForNoScopesOfPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.define(l, w.definition())
	for _, scopes := range [][]string{nil, {"read"}} {
		step, err := l.Authorize(t.Context(), authsome.LoginRequest{
			Ref: acme, Flow: authsome.FlowClientCredentials, Fields: fields(clientID, clientSecret), Scopes: scopes, Force: true,
		})
		if err != nil || step.Connection == nil {
			t.Fatalf("%+v, %v", step, err)
		}
		all := w.requests(authserver.PathToken)
		if got := all[len(all)-1].Form.Get("scope"); got != strings.Join(scopes, " ") {
			t.Errorf("asked for %q, want %q", got, scopes)
		}
	}
}

// RFC 9449 section 5: any grant can be bound to a key, and what asks for the next token has to show the same one.
func TestGrantsAreBoundToAKeyWhereTheServerDemandsIt(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *authserver.Config) {
		c.DPoP, c.DPoPNonces = true, true
		c.AssertionKeys = map[string]crypto.PublicKey{"robot@acme.test": &key.PublicKey}
	})
	l := w.process()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "robot@acme.test",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	robot := map[authsome.FieldName]authsome.Secret{authsome.FieldServiceAccount: authsome.NewSecret(string(account))}
	for _, grant := range []struct {
		flow, more string
		fields     map[authsome.FieldName]authsome.Secret
	}{
		{"client_credentials", `"dpop": true`, fields(clientID, clientSecret)},
		{"jwt_bearer", `"dpop": true, "assertion": "google_service_account"`, robot},
	} {
		before := len(w.requests(authserver.PathToken))
		w.define(l, w.grantDefinition("acme", grant.flow, grant.more))
		step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Fields: grant.fields, Force: true})
		if err != nil || step.Connection == nil {
			t.Fatalf("%s: %+v, %v", grant.flow, step, err)
		}
		w.pass(2 * time.Hour)
		w.server.RotateNonce()
		cred := w.mustToken(l)
		if cred.TokenType != "DPoP" || cred.Signer == nil {
			t.Errorf("%s: the token is of the type %s, signer %v", grant.flow, cred.TokenType, cred.Signer)
		}
		thumbprints := make(map[string]bool)
		for _, r := range w.requests(authserver.PathToken)[before:] {
			thumbprints[jwkOf(t, r.Header.Get("DPoP"))] = true
		}
		if len(thumbprints) != 1 {
			t.Errorf("%s: %d keys were used", grant.flow, len(thumbprints))
		}
	}
}

// jwkOf returns the key that a proof was made with.
func jwkOf(t *testing.T, proof string) string {
	t.Helper()
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(proof, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ JWK json.RawMessage }
	if err := json.Unmarshal(header, &h); err != nil {
		t.Fatal(err)
	}
	return string(h.JWK)
}

// RFC 8693 section 2.2.1: issued_token_type says whether what was issued is an access token.
func TestExchangeOfATokenOfUnknownType(t *testing.T) {
	t.Parallel()
	const idToken = `{"requested_token_type": "urn:ietf:params:oauth:token-type:id_token"}`
	for name, c := range map[string]struct {
		wanted string
		edit   func(map[string]any)
		works  bool
	}{
		"told":                          {`{}`, func(map[string]any) {}, true},
		"not told":                      {`{}`, func(b map[string]any) { delete(b, "issued_token_type") }, true},
		"neither told nor how to use":   {`{}`, func(b map[string]any) { delete(b, "issued_token_type"); delete(b, "token_type") }, false},
		"another was wanted, not told":  {idToken, func(b map[string]any) { delete(b, "issued_token_type") }, false},
		"a refresh token":               {`{}`, func(b map[string]any) { b["issued_token_type"] = "urn:ietf:params:oauth:token-type:refresh_token" }, false},
		"no token for APIs (type N_A)":  {`{}`, func(b map[string]any) { delete(b, "issued_token_type"); b["token_type"] = "N_A" }, false},
		"another was wanted, this told": {idToken, func(map[string]any) {}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			l := w.process()
			w.login(l)
			w.define(l, w.grantDefinition("swap", "token_exchange", `"token_exchange": `+c.wanted))
			w.server.Inject(authserver.Edit(name, c.edit))
			if err := w.exchange(l, "swap", acme); (err == nil) != c.works {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The API of some services wants to know which client a token was issued to (Twitch).
func TestClientIDTravelsWhereAnAPIWantsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	definition := strings.Replace(w.definition(), `"host_url"`, `"inject": {"headers": {"Client-Id": "{client_id}"}}, "host_url"`, 1)
	w.define(l, definition)
	if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Fields: fields(clientID, clientSecret)}); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		cred := w.mustToken(l)
		h, err := cred.Header()
		if err != nil || h.Get("Client-Id") != clientID || h.Get("Authorization") != "Bearer "+cred.Value.Reveal() {
			t.Errorf("got %d fields, Client-Id %q, %v", len(h), h.Get("Client-Id"), err)
		}
	}
	check()
	// A token that was made elsewhere comes with the client that the person uses here, or is asked for it.
	pasted := authsome.LoginRequest{Ref: acme, Force: true, Fields: map[authsome.FieldName]authsome.Secret{
		authsome.FieldAccessToken: authsome.NewSecret("made-elsewhere"),
	}}
	if step, err := l.Authorize(t.Context(), pasted); err != nil || step.Connection == nil {
		t.Fatalf("%+v, %v", step, err)
	}
	check()
	other := newWorld(t, nil)
	l = other.process()
	other.define(l, definition)
	step, err := l.Authorize(t.Context(), pasted)
	if err != nil || len(step.Fields) != 1 || step.Fields[0].Name != authsome.FieldClientID {
		t.Errorf("without a client: %+v, %v", step, err)
	}
}
