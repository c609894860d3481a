package proxy

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authsome"
)

// versions runs a test with clients of HTTP/1.1 and HTTP/2.
func versions(t *testing.T, test func(t *testing.T, http2 bool)) {
	t.Helper()
	t.Parallel()
	for name, http2 := range map[string]bool{"http1": false, "http2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, http2)
		})
	}
}

func TestMatchedRequestCarriesTheCredentialInsteadOfTheChilds(t *testing.T) { // attacks 14 and 15
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		var api seen
		w.serve(apiHost, &api)
		w.start()
		req := request(t, "POST", "https://"+apiHost+"/a/b?x=1", strings.NewReader("body"))
		req.Header.Set("Authorization", "Bearer "+authsome.Placeholder)
		req.Header["X_API_KEY"] = []string{"mine"}
		req.Header["X-Api-Key"] = []string{"mine", "mine"}
		if !http2 {
			req.Header.Set("Connection", "authorization, x-keep")
			req.Header.Set("X-Keep", "1")
		}
		resp, body := do(t, w.transport(http2), req)
		if resp.StatusCode != 200 || body != "ok" {
			t.Fatalf("got %d %q", resp.StatusCode, body)
		}
		got := api.all()[0]
		if want := []string{"Bearer token-1"}; !cmp.Equal(got.Header["Authorization"], want) {
			t.Errorf("the API saw Authorization %q", got.Header["Authorization"])
		}
		for _, name := range []string{"X-Api-Key", "X_API_KEY", "X_api_key", "X-Keep", "Connection", "Proxy-Authorization"} {
			if v, ok := got.Header[name]; ok {
				t.Errorf("the API saw %s: %q", name, v)
			}
		}
		if got.Host != apiHost || got.RequestURI != "/a/b?x=1" {
			t.Errorf("the API saw the target %s %s", got.Host, got.RequestURI)
		}
	})
}

func TestInjectionIsRecordedWithoutQueryAndSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, &seen{})
	w.start()
	do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/a?secret=1", nil))
	events := w.recorder.all()
	if len(events) != 1 {
		t.Fatalf("%d events, want 1", len(events))
	}
	want := map[string]string{"host": apiHost, "method": "GET", "path": "/a", "http_status": "200"}
	e := events[0]
	if e.Name != authsome.EventInject || e.Failed || e.Ref.Connection != "work" || !cmp.Equal(e.Detail, want) {
		t.Errorf("got %+v", e)
	}
}

func TestWarmRequestsAskNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, &seen{})
	w.start()
	tr := w.transport(false)
	for range 5 {
		do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil))
	}
	if n := w.source.count(); n != 1 {
		t.Errorf("5 requests made %d calls of the source, want 1", n)
	}
	if got := w.source.calls[0]; got != (authsome.CredentialOptions{Background: true}) {
		t.Errorf("the source was asked with %+v", got)
	}
}

func TestNoCredentialNoRequest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind   authsome.Kind
		status int
	}{
		{authsome.KindRefreshFailed, 502},
		{authsome.KindConnectionNotFound, 502},
		{authsome.KindDenied, 403},
	} {
		w := newWorld(t)
		var api seen
		w.serve(apiHost, &api)
		w.source.answer = func(authsome.CredentialOptions) (*authsome.Credential, error) {
			return nil, &authsome.Error{
				Kind: tc.kind, Message: "it failed", Hint: "authsome login example", Reason: "invalid_grant",
			}
		}
		w.start()
		resp, body := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
		want := map[string]string{
			"error": string(tc.kind), "message": "it failed", "hint": "authsome login example",
			"reason": "invalid_grant", "provider": "example", "connection": "work",
		}
		if got := refusalOf(t, resp, body); resp.StatusCode != tc.status || !cmp.Equal(got, want) {
			t.Errorf("%s: got %d %s", tc.kind, resp.StatusCode, body)
		}
		if len(api.all()) != 0 {
			t.Errorf("%s: the request went out without a credential", tc.kind)
		}
		if e := w.recorder.all(); len(e) != 1 || e[0].Name != authsome.EventDeny || e[0].Reason != "invalid_grant" {
			t.Errorf("%s: recorded %+v", tc.kind, e)
		}
	}
}

func TestCredentialThatCannotStandInAFieldIsNotSent(t *testing.T) { // attack 16
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.source.answer = func(authsome.CredentialOptions) (*authsome.Credential, error) {
		return credential(t, authsome.Ref{Provider: "example"}, "a\r\nX-Evil: 1", 1, apiHost), nil
	}
	w.start()
	resp, _ := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	if resp.StatusCode != 502 || len(api.all()) != 0 {
		t.Errorf("got %d, %d requests went out", resp.StatusCode, len(api.all()))
	}
}

func TestCredentialGoesOnlyWhereItMay(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := newWorld(t)
		w.cfg.Routes[0].Hosts = patterns(t, apiHost+"/v1")
		w.cfg.Routes[0].Excluded = patterns(t, apiHost+"/v1/token")
		var api seen
		w.serve(apiHost, &api)
		w.start()
		tr := w.transport(http2)
		for _, tc := range []struct {
			path     string
			injected bool
		}{
			{"/v1", true},
			{"/v1/x", true},
			{"/v10", false},
			{"/", false},
			{"/v1/token", false},
			{"/v1/token/x", false},
			{"/v1/tokens", true},
			{"/v1/a%2Fb", true},
		} {
			before := len(api.all())
			req := request(t, "GET", "https://"+apiHost+tc.path, nil)
			req.Header.Set("Authorization", "Basic own")
			resp, body := do(t, tr, req)
			got := api.all()
			if resp.StatusCode != 200 || len(got) != before+1 {
				t.Errorf("%s: got %d %s", tc.path, resp.StatusCode, body)
				continue
			}
			want := "Basic own"
			if tc.injected {
				want = "Bearer token-1"
			}
			if last := got[before]; last.Header.Get("Authorization") != want || last.RequestURI != tc.path {
				t.Errorf("%s: the API saw %s with %q", tc.path, last.RequestURI, last.Header.Get("Authorization"))
			}
		}
	})
}

func TestCredentialsOwnHostsDecideToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	w.source.answer = func(authsome.CredentialOptions) (*authsome.Credential, error) {
		return credential(t, authsome.Ref{Provider: "example"}, "token", 1, "other.example.test"), nil
	}
	w.start()
	resp, body := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	if got := refusalOf(t, resp, body); resp.StatusCode != 403 || got["error"] != "denied" || len(api.all()) != 0 {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}

func TestMostSpecificRouteWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	deep := authsome.Ref{Provider: "deep"}
	w.cfg.Routes = append(w.cfg.Routes,
		Route{Ref: deep, Hosts: patterns(t, apiHost+"/deep")},
		Route{Ref: authsome.Ref{Provider: "late"}, Hosts: patterns(t, apiHost+"/deep", apiHost)})
	w.cfg.Source = sourceFunc(func(ref authsome.Ref) *authsome.Credential {
		return credential(t, ref, string(ref.Provider), 1, apiHost)
	})
	w.start()
	tr := w.transport(false)
	for path, want := range map[string]string{"/deep/x": "Bearer deep", "/x": "Bearer example"} {
		before := len(api.all())
		do(t, tr, request(t, "GET", "https://"+apiHost+path, nil))
		if got := api.all()[before].Header.Get("Authorization"); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestPlaceholderIsNeverForwarded(t *testing.T) { // attack 26
	t.Parallel()
	w := newWorld(t)
	w.cfg.Routes[0].Excluded = patterns(t, apiHost+"/token")
	var api seen
	w.serve(apiHost, &api)
	w.start()
	tr := w.transport(false)
	for name, change := range map[string]func(*http.Request){
		"excluded endpoint": func(r *http.Request) {
			r.URL.Path = "/token"
			r.Header.Set("Authorization", "Bearer "+authsome.Placeholder)
		},
		"basic credentials":  func(r *http.Request) { r.URL.Path = "/token"; r.SetBasicAuth("x", authsome.Placeholder) },
		"another field":      func(r *http.Request) { r.Header.Set("X-Other", authsome.Placeholder) },
		"query":              func(r *http.Request) { r.URL.RawQuery = "api_key=" + authsome.Placeholder },
		"path":               func(r *http.Request) { r.URL.Path = "/bot" + authsome.Placeholder + "/x" },
		"query, and encoded": func(r *http.Request) { r.URL.RawQuery = "k=authsome%2Dproxy%2Dmanaged" },
	} {
		req := request(t, "GET", "https://"+apiHost+"/", nil)
		change(req)
		resp, body := do(t, tr, req)
		if got := refusalOf(t, resp, body); resp.StatusCode != 403 || got["reason"] != "placeholder" {
			t.Errorf("%s: got %d %s", name, resp.StatusCode, body)
		}
	}
	if n := len(api.all()); n != 0 {
		t.Errorf("%d requests went out", n)
	}
}

func TestRedirectIsHandedBack(t *testing.T) { // attack 9
	t.Parallel()
	w := newWorld(t)
	var other seen
	w.serve("other.example.test", &other)
	w.serve(apiHost, http.RedirectHandler("https://other.example.test/", http.StatusFound))
	w.start()
	resp, _ := do(t, w.transport(false), request(t, "GET", "https://"+apiHost+"/", nil))
	if resp.StatusCode != 302 || resp.Header.Get("Location") != "https://other.example.test/" || len(other.all()) != 0 {
		t.Errorf("got %d %v, %d requests followed", resp.StatusCode, resp.Header, len(other.all()))
	}
}

func TestTickMakesTheProxyAskAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, &seen{})
	changed := make(chan struct{})
	w.cfg.Changed = changed
	w.start()
	tr := w.transport(false)
	do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil))
	changed <- struct{}{}
	changed <- struct{}{} // taken only when the first tick has had its effect
	do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil))
	_ = w.proxy.Close()
	if n := w.source.count(); n < 2 || w.source.calls[0].Stored || !w.source.calls[1].Stored {
		t.Errorf("the source was asked %+v, want what is good and then what is stored", w.source.calls)
	}
}

type sourceFunc func(authsome.Ref) *authsome.Credential

func (f sourceFunc) Credential(
	_ context.Context, ref authsome.Ref, _ authsome.CredentialOptions,
) (*authsome.Credential, error) {
	return f(ref), nil
}

// sourceAnswer answers with one credential for the given hosts.
func sourceAnswer(
	t *testing.T, hosts ...string,
) func(authsome.CredentialOptions) (*authsome.Credential, error) {
	t.Helper()
	cred := credential(t, authsome.Ref{Provider: "example", Connection: "work"}, "token-1", 1, hosts...)
	return func(authsome.CredentialOptions) (*authsome.Credential, error) { return cred, nil }
}
