package local_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"authsome"
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
