package local_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
)

func TestLoginAsksStepByStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	if _, err := l.Register(t.Context(), []byte(w.definition()), false); err != nil {
		t.Fatal(err)
	}
	step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme})
	if err != nil || len(step.Fields) != 2 || step.RedirectURI != "http://127.0.0.1/callback" {
		t.Fatalf("without a client: %+v, %v", step, err)
	}
	req := authsome.LoginRequest{Ref: acme, Fields: fields(clientID, clientSecret)}
	step, err = l.Authorize(t.Context(), req)
	if err != nil || step.Redirect == nil {
		t.Fatalf("with a client: %+v, %v", step, err)
	}
	c, err := w.tryLogin(l, req)
	if err != nil || c.Status != authsome.StatusConnected || strings.Join(c.Scopes, " ") != "read write" {
		t.Fatalf("got %+v, %v", c, err)
	}
	step, err = l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme})
	if err != nil || !step.AlreadyConnected {
		t.Errorf("a second login: %+v, %v", step, err)
	}
}

func TestLoginNeedsNoClientTheSecondTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Force: true}); err != nil {
		t.Error(err)
	}
}

func TestRefusedClientIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.pass(2 * time.Hour)
	w.server.SetClientSecret(clientID, "rotated")
	_, _ = w.token(l)
	step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Force: true})
	if err != nil || len(step.Fields) != 2 {
		t.Fatalf("got %+v, %v", step, err)
	}
	if _, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Force: true, Fields: fields(clientID, "rotated")}); err != nil {
		t.Error(err)
	}
	w.mustToken(l)
}

func TestFailedLoginKeepsTheOldConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	before := w.mustToken(l)
	for name, fail := range map[string]func(authsome.LoginRequest) error{
		"the code is refused": func(req authsome.LoginRequest) error {
			w.server.Inject(authserver.OAuthError(400, "invalid_grant"))
			_, err := w.tryLogin(l, req)
			return err
		},
		"the person refuses": func(req authsome.LoginRequest) error {
			w.server.SetConsent(authserver.ConsentDeny)
			defer w.server.SetConsent(authserver.ConsentApprove)
			_, err := w.tryLogin(l, req)
			return err
		},
		"another state": func(req authsome.LoginRequest) error {
			req.RedirectURI = redirectURI
			step, err := l.Authorize(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			_, err = l.Complete(t.Context(), step.ID, redirectURI+"?code=stolen&state=guessed")
			return err
		},
	} {
		err := fail(authsome.LoginRequest{Ref: acme, Force: true})
		kind := authsome.KindOf(err)
		if kind != authsome.KindLoginFailed && kind != authsome.KindCancelled {
			t.Errorf("%s: got %v", name, err)
		}
		if after := w.mustToken(l); !after.Value.Equal(before.Value) {
			t.Errorf("%s: the old connection is gone", name)
		}
	}
}

func TestAuthorizationIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Force: true, RedirectURI: redirectURI})
	if err != nil {
		t.Fatal(err)
	}
	redirect := w.visit(step.URL)
	if _, err := l.Complete(t.Context(), step.ID, redirect); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Complete(t.Context(), step.ID, redirect); authsome.KindOf(err) != authsome.KindLoginFailed {
		t.Errorf("got %v", err)
	}
}

func TestKeyThatCannotBeAKeyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	for _, bad := range []string{"short", "sk-with\nnewline-abcdefghijklmnopqrstuvwxyz", "sk-with\x00nul-abcdefghijklmnopqrstuvwxyz"} {
		_, err := l.Authorize(t.Context(), authsome.LoginRequest{
			Ref:    authsome.Ref{Provider: "openai"},
			Fields: map[authsome.FieldName]authsome.Secret{authsome.FieldAPIKey: authsome.NewSecret(bad)},
		})
		if authsome.KindOf(err) != authsome.KindLoginFailed || strings.Contains(err.Error(), bad) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestRenameMovesTheDefaultAlong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	if err := l.Rename(t.Context(), acme, "work"); err != nil {
		t.Fatal(err)
	}
	c, err := l.Credential(t.Context(), authsome.Ref{Provider: "acme"}, authsome.CredentialOptions{})
	if err != nil || c.Ref.Connection != "work" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := w.token(l); authsome.KindOf(err) != authsome.KindConnectionNotFound {
		t.Errorf("the old name still works: %v", err)
	}
}

func TestRevokeEndsTheGrantAndForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	token := w.mustToken(l).Value.Reveal()
	report, err := l.Revoke(t.Context(), authsome.Ref{Provider: "acme"})
	if err != nil || len(report.Connections) != 1 || !report.Connections[0].Remote || !report.RegistrationDeleted {
		t.Fatalf("got %+v, %v", report, err)
	}
	if w.server.AccessTokenValid(token) {
		t.Error("the provider still accepts the token")
	}
	step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme})
	if err != nil || len(step.Fields) != 2 {
		t.Errorf("the client is remembered: %+v, %v", step, err)
	}
}

func TestUnknownFieldsOfARecordSurviveARefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	rec, err := l.Vault().Get(t.Context(), "profile/default/provider/acme/connection/default")
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(rec.Value, &fields); err != nil {
		t.Fatal(err)
	}
	fields["from_the_future"] = "kept"
	value, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Vault().Put(t.Context(), rec.Key, value, rec.Version); err != nil {
		t.Fatal(err)
	}
	w.pass(2 * time.Hour)
	w.mustToken(l)
	rec, err = l.Vault().Get(t.Context(), rec.Key)
	if err != nil || !strings.Contains(string(rec.Value), `"from_the_future":"kept"`) {
		t.Errorf("the field is gone, %v", err)
	}
}

func TestProfilesAreSeparate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	if err := l.CreateProfile(t.Context(), "team"); err != nil {
		t.Fatal(err)
	}
	if err := l.CreateProfile(t.Context(), "team"); authsome.KindOf(err) != authsome.KindUsage {
		t.Errorf("created twice: %v", err)
	}
	other := acme
	other.Profile = "team"
	if _, err := l.Credential(t.Context(), other, authsome.CredentialOptions{}); authsome.KindOf(err) != authsome.KindConnectionNotFound {
		t.Errorf("a profile sees another's connection: %v", err)
	}
	names, err := l.ListProfiles(t.Context())
	if err != nil || len(names) != 2 {
		t.Errorf("got %v, %v", names, err)
	}
	if err := l.DeleteProfile(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.token(l); authsome.KindOf(err) != authsome.KindConnectionNotFound {
		t.Errorf("got %v", err)
	}
}

// Logins, renames and choices of a default all write the settings of a provider.
func TestConnectionsOfOneProviderAreChangedAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.login(w.process())
	var wg sync.WaitGroup
	for i := range 8 {
		l := w.process()
		ref := acme
		ref.Connection = authsome.ConnectionName(fmt.Sprintf("c%d", i))
		wg.Go(func() {
			_, err := w.tryLogin(l, authsome.LoginRequest{Ref: ref, Fields: fields(clientID, clientSecret)})
			err = errors.Join(err, l.SetDefault(t.Context(), ref))
			err = errors.Join(err, l.Rename(t.Context(), ref, "renamed-"+ref.Connection))
			ref.Connection = "renamed-" + ref.Connection
			if err = errors.Join(err, l.Logout(t.Context(), ref)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := w.process().List(t.Context(), "default")
	if err != nil || len(all) != 1 {
		t.Errorf("%d connections are left, %v", len(all), err)
	}
}
