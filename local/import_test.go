package local_test

import (
	"slices"
	"testing"
	"time"

	"authsome"
	"authsome/local"
)

// elsewhere returns a vault that knows the definition, and a login that another program has made.
func elsewhere(t *testing.T) (*world, *local.Layer, authsome.ImportedConnection) {
	t.Helper()
	w := newWorld(t, nil)
	l := w.process()
	w.define(l, w.definition())
	issued := w.server.Issue(clientID, "read")
	return w, l, authsome.ImportedConnection{
		Ref: acme, ClientID: clientID, Source: "elsewhere", Scopes: []string{"read"},
		Value: authsome.NewSecret(issued.AccessToken), RefreshToken: authsome.NewSecret(issued.RefreshToken),
		ExpiresAt: w.clock().Add(time.Hour), ObtainedAt: w.clock(), Account: authsome.Account{ID: "7", Label: "ann"},
	}
}

func TestImportedConnectionsAreRefreshed(t *testing.T) {
	t.Parallel()
	w, l, in := elsewhere(t)
	client := authsome.ImportedClient{
		Profile: "default", Provider: "acme", ClientID: clientID, ClientSecret: authsome.NewSecret(clientSecret),
	}
	for i, want := range []bool{true, false} {
		if done, err := l.ImportClient(t.Context(), client); err != nil || done != want {
			t.Errorf("import %d of the client: %v, error %v", i, done, err)
		}
		if done, err := l.ImportConnection(t.Context(), in); err != nil || done != want {
			t.Errorf("import %d of the connection: %v, error %v", i, done, err)
		}
	}
	if got := w.mustToken(l); !got.Value.Equal(in.Value) || w.refreshCalls() != 0 {
		t.Error("a fresh token was not returned as it is")
	}
	w.pass(59 * time.Minute)
	if got := w.mustToken(l); got.Value.Equal(in.Value) || w.refreshCalls() != 1 {
		t.Error("a token in its refresh window was not refreshed")
	}
	imported := func(e authsome.Event) bool {
		return e.Detail["imported_from"] == "elsewhere" && e.Detail["flow"] == "pkce"
	}
	if !slices.ContainsFunc(w.events, imported) {
		t.Error("the log does not say where the connection comes from")
	}
	c, err := l.Connection(t.Context(), acme, authsome.CredentialOptions{})
	if err != nil || c.Account.Label != "ann" || !c.Default {
		t.Errorf("the connection is %+v, error %v", c, err)
	}
	step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Force: true})
	if err != nil || step.Redirect == nil {
		t.Errorf("a new login does not use the imported client: %+v, error %v", step, err)
	}
}

func TestImportKeepsWhatThereIs(t *testing.T) {
	t.Parallel()
	_, l, in := elsewhere(t)
	if _, err := l.ImportConnection(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	in.Value = authsome.NewSecret("another")
	if done, err := l.ImportConnection(t.Context(), in); err != nil || done {
		t.Errorf("a connection was replaced: %v, error %v", done, err)
	}
	in.Replace = true
	if done, err := l.ImportConnection(t.Context(), in); err != nil || !done {
		t.Errorf("a connection was not replaced: %v, error %v", done, err)
	}
	c, err := l.Credential(t.Context(), acme, authsome.CredentialOptions{})
	if err != nil || !c.Value.Equal(in.Value) || c.Generation != 2 {
		t.Errorf("generation %d, error %v", c.Generation, err)
	}
}

func TestImportOfWhatIsRefused(t *testing.T) {
	t.Parallel()
	w, l, in := elsewhere(t)
	in.Invalid, in.ExpiresAt = true, w.clock().Add(-time.Minute)
	if _, err := l.ImportConnection(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	_, err := w.token(l)
	if authsome.KindOf(err) != authsome.KindRefreshFailed || w.refreshCalls() != 0 {
		t.Errorf("error %v after %d calls of the token endpoint", err, w.refreshCalls())
	}
	if got := w.status(l); got != authsome.StatusInvalid {
		t.Errorf("status %s", got)
	}
}

func TestImportChecksTheDefinition(t *testing.T) {
	t.Parallel()
	_, l, in := elsewhere(t)
	for name, test := range map[string]struct {
		provider authsome.ProviderName
		want     authsome.Kind
	}{
		"unknown":        {"nobody", authsome.KindProviderNotFound},
		"two keys":       {"datadog", authsome.KindUsage},
		"no base URL":    {"okta", authsome.KindUsage},
		"a plain key":    {"openai", ""},
		"not a provider": {"No Body", authsome.KindUsage},
	} {
		in.Ref.Provider = test.provider
		done, err := l.ImportConnection(t.Context(), in)
		if (test.want == "") != done || test.want != "" && authsome.KindOf(err) != test.want {
			t.Errorf("%s: %v, error %v", name, done, err)
		}
	}
	if _, err := l.ImportClient(t.Context(), authsome.ImportedClient{Provider: "openai", ClientID: "x"}); err == nil {
		t.Error("a provider of keys has taken an OAuth client")
	}
}

func TestHoldersComparesWithoutShowing(t *testing.T) {
	t.Parallel()
	w, l, in := elsewhere(t)
	client := authsome.ImportedClient{Provider: "acme", ClientID: clientID, ClientSecret: authsome.NewSecret(clientSecret)}
	if _, err := l.ImportClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if _, err := l.ImportConnection(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	w.pass(24 * time.Hour) // nothing is refreshed in order to compare
	values := []authsome.Secret{in.Value, authsome.NewSecret(clientSecret), authsome.NewSecret("other"), in.RefreshToken, {}}
	got, err := l.Holders(t.Context(), "", values)
	if err != nil {
		t.Fatal(err)
	}
	ofClient := authsome.Ref{Profile: "default", Provider: "acme"}
	for i, want := range [][]authsome.Ref{{acme}, {ofClient}, nil, nil, nil} {
		if !slices.Equal(got[i], want) {
			t.Errorf("value %d: got %v, want %v", i, got[i], want)
		}
	}
	if w.refreshCalls() != 0 {
		t.Error("the token endpoint was called")
	}
}
