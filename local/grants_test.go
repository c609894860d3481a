package local_test

import (
	"fmt"
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
