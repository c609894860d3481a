package local_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"authsome"
)

// meta exchanges the token of a login for one of 60 days, and renews that while it lives.
func meta(t *testing.T, w *world) (url string, renewals *atomic.Int32) {
	t.Helper()
	renewals = new(atomic.Int32)
	ends := w.clock()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		n := renewals.Load()
		switch {
		case r.URL.Path == "/exchange" && q.Get("client_secret") == clientSecret && q.Get("access_token") != "":
		case r.URL.Path == "/renew" && q.Get("access_token") == fmt.Sprintf("long-%d", n) && w.clock().Before(ends):
			n = renewals.Add(1)
		default:
			rw.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(rw, `{"error":{"message":"Session has expired","type":"OAuthException","code":190}}`)
			return
		}
		ends = w.clock().Add(60 * day)
		fmt.Fprintf(rw, `{"access_token":"long-%d","token_type":"bearer","expires_in":5184000}`, n)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, renewals
}

const day = 24 * time.Hour

func (w *world) longLivedDefinition(url string) string {
	return strings.Replace(w.definition(), `"scopes"`, fmt.Sprintf(`"refresh_url": "%[1]s/renew", "long_lived": {
		"exchange_url": "%[1]s/exchange",
		"exchange_params": {"client_secret": "{client_secret}", "access_token": "{access_token}"},
		"renew_params": {"access_token": "{access_token}"}
	}, "error_map": {"190": "grant"}, "scopes"`, url), 1)
}

func TestAccessTokenWithoutRefreshTokenIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	url, renewals := meta(t, w)
	if _, err := l.Register(t.Context(), []byte(w.longLivedDefinition(url)), false); err != nil {
		t.Fatal(err)
	}
	c, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Fields: fields(clientID, clientSecret)})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Refreshable || !c.RefreshExpiresAt.Equal(w.clock().Add(60*day)) {
		t.Errorf("refreshable: %t, ends at %s", c.Refreshable, c.RefreshExpiresAt)
	}
	for _, step := range []struct {
		pass     time.Duration
		token    string
		renewals int32
	}{{29 * day, "long-0", 0}, {2 * day, "long-1", 1}, {29 * day, "long-1", 1}, {20 * day, "long-2", 2}} {
		w.pass(step.pass)
		if got := w.mustToken(l).Value.Reveal(); got != step.token || renewals.Load() != step.renewals {
			t.Errorf("after %s more: %s after %d renewals", step.pass, got, renewals.Load())
		}
	}
	w.pass(61 * day)
	if _, err := w.token(l); authsome.AsError(err).Reason != "OAuthException" {
		t.Errorf("after the end: %v", err)
	}
	if got := w.status(l); got != authsome.StatusInvalid {
		t.Errorf("after the end it is %s", got)
	}
}

func TestLoginFailsWhenTheTokenCannotBeExchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	url, _ := meta(t, w)
	doc := strings.Replace(w.longLivedDefinition(url), `"client_secret": "{client_secret}", `, "", 1)
	if _, err := l.Register(t.Context(), []byte(doc), false); err != nil {
		t.Fatal(err)
	}
	_, err := w.tryLogin(l, authsome.LoginRequest{Ref: acme, Fields: fields(clientID, clientSecret)})
	if authsome.KindOf(err) != authsome.KindLoginFailed {
		t.Errorf("got %v", err)
	}
	if all, _ := l.List(t.Context(), "default"); len(all) != 0 {
		t.Errorf("it is stored nevertheless: %+v", all)
	}
}
