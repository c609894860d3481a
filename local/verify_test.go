package local_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"authsome"
	"authsome/internal/authserver"
)

// A provider is asked by introspection, nothing is refreshed, and no answer is no verdict.
func TestVerifyByIntrospection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	answer, status := `{"active": true}`, http.StatusOK
	asked := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.FormValue("token") == "" || r.FormValue("refresh_token") != "" || r.FormValue("token_type_hint") != "access_token" {
			t.Errorf("asked with the fields %d", len(r.PostForm))
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(answer))
	}))
	t.Cleanup(asked.Close)
	w.loginWith(l, `, "introspection_url": "`+asked.URL+`/introspect"`)
	for _, tt := range []struct {
		answer  string
		status  int
		verdict authsome.Verdict
		kind    authsome.Kind
	}{
		{`{"active": true}`, 200, authsome.VerdictAccepted, ""},
		{`{"active": false}`, 200, authsome.VerdictRejected, ""},
		{`{}`, 503, authsome.VerdictUnknown, authsome.KindUnreachable},
		{`<html>`, 200, authsome.VerdictUnknown, authsome.KindUnreachable},
	} {
		answer, status = tt.answer, tt.status
		got, err := l.Verify(t.Context(), acme)
		if got != tt.verdict || (err == nil) != (tt.kind == "") || err != nil && authsome.KindOf(err) != tt.kind {
			t.Errorf("%s: %s, %v", tt.answer, got, err)
		}
	}
	if n := w.refreshCalls(); n != 0 {
		t.Errorf("%d refreshes", n)
	}
}

func TestVerifyWithNobodyToAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	if got, err := l.Verify(t.Context(), acme); got != authsome.VerdictUnknown || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

// A definition that was edited after the login names another place to ask about tokens. That would be told the token and the secret
// of the client; neither a look nor the next token of a grant without a person is a new login.
func TestAnotherIntrospectionEndpointIsToldNothing(t *testing.T) {
	t.Parallel()
	told := 0
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told++ }))
	t.Cleanup(thief.Close)
	edited := `, "introspection_url": "` + thief.URL + `/introspect"`

	w := newWorld(t, nil)
	l := w.process()
	w.login(l)
	w.define(l, strings.Replace(w.definition(), `"client_auth": "post"`, `"client_auth": "post"`+edited, 1))
	if got, err := l.Verify(t.Context(), acme); got != authsome.VerdictUnknown || err != nil {
		t.Errorf("a look: %s, %v", got, err)
	}

	w = newWorld(t, nil)
	l = w.process()
	w.define(l, w.grantDefinition("acme", "client_credentials", `"scopes": []`))
	if step, err := l.Authorize(t.Context(), authsome.LoginRequest{Ref: acme, Fields: fields(clientID, clientSecret)}); err != nil || step.Connection == nil {
		t.Fatalf("%+v, %v", step, err)
	}
	w.define(l, w.grantDefinition("acme", "client_credentials", `"scopes": []`+edited))
	w.server.Inject(authserver.OmitExpiresIn())
	if _, err := l.Credential(t.Context(), acme, authsome.CredentialOptions{Refresh: true}); err != nil {
		t.Error(err)
	}
	if told > 0 {
		t.Errorf("another server was told %d times", told)
	}
}
