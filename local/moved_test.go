package local_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"authsome"
	"authsome/internal/authserver"
)

// movedDefinition is a service with several servers: the one in the definition is never there.
func (w *world) movedDefinition() string {
	return strings.Replace(strings.Replace(w.definition(), `"token_url": "`+w.url+`/token"`,
		`"base_url": "http://127.0.0.1:1", "token_url": "{base_url}/token"`, 1),
		`"scopes":`, `"server_from_callback": {"member": "accounts-server", "within": ["`+w.url+`"]}, "scopes":`, 1)
}

func TestCodeGoesToTheServerThatTheCallbackNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := w.process()
	w.define(l, w.movedDefinition())
	complete := func(named string) (*authsome.Connection, error) {
		step, err := l.Authorize(t.Context(), authsome.LoginRequest{
			Ref: acme, Force: true, Fields: fields(clientID, clientSecret), RedirectURI: redirectURI,
		})
		if err != nil || step.URL == "" {
			t.Fatalf("%+v, %v", step, err)
		}
		return l.Complete(t.Context(), step.ID, w.visit(step.URL)+"&accounts-server="+url.QueryEscape(named))
	}
	for _, elsewhere := range []string{"https://accounts.evil.test", "http://127.0.0.1:2", "https://x@" + w.url[len("http://"):], "::"} {
		_, err := complete(elsewhere)
		wantFailure(t, err, "names a server that its definition does not")
	}
	if n := len(w.requests(authserver.PathToken)); n != 0 {
		t.Fatalf("%d token requests were sent", n)
	}
	c, err := complete(w.url)
	if err != nil || c.BaseURL != w.url {
		t.Fatalf("%+v, %v", c, err)
	}
	w.pass(2 * time.Hour)
	w.mustToken(l)
	if w.refreshCalls() != 1 {
		t.Errorf("%d refresh requests reached the server that the callback named", w.refreshCalls())
	}
}
