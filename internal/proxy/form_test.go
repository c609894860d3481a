package proxy

import (
	"testing"

	"authsome"
)

// TestEachWayToTravelIsTheRightOne has a credential travel in four ways, three of which are prepared.
func TestEachWayToTravelIsTheRightOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var api seen
	w.serve(apiHost, &api)
	ref := w.cfg.Routes[0].Ref
	cred := credential(t, ref, "token-1", 1, apiHost)
	cred.AuthType = authsome.AuthTypeAPIKey
	cred.Inject.Defaults = map[string]string{"X-Version": "7"}
	cred.Variants = []authsome.CredentialVariant{
		{Hosts: patterns(t, apiHost+"/git"), Inject: authsome.Injection{User: "x", Password: "{api_key}"}},
		{Hosts: patterns(t, apiHost+"/key"), Inject: authsome.Injection{Header: "X-Key", Defaults: map[string]string{"X-Version": "8"}}},
		{Hosts: patterns(t, apiHost+"/query"), Inject: authsome.Injection{Query: map[string]string{"key": "{api_key}"}}},
	}
	w.source.answer = func(authsome.CredentialOptions) (*authsome.Credential, error) { return cred, nil }
	w.start()
	tr := w.transport(false)
	for _, path := range []string{"/a", "/git/a", "/key/a", "/query/a", "/a", "/git/a"} {
		req := request(t, "GET", "https://"+apiHost+path, nil)
		req.Header.Set("Authorization", "Bearer mine")
		req.Header.Set("X_Key", "mine")
		want := request(t, "GET", "https://"+apiHost+path, nil)
		want.Header.Set("Authorization", "Bearer mine")
		want.Header.Set("X_Key", "mine")
		if err := cred.Authenticate(want); err != nil {
			t.Fatal(err)
		}
		do(t, tr, req)
		all := api.all()
		got := all[len(all)-1]
		for _, name := range []string{"Authorization", "X-Key", "X_key", "X-Version"} {
			if g, w := got.Header.Values(name), want.Header.Values(name); len(g) != len(w) || len(g) > 0 && g[0] != w[0] {
				t.Errorf("%s: the API saw %s: %q, want %q", path, name, g, w)
			}
		}
		if got.RequestURI != want.URL.RequestURI() {
			t.Errorf("the API saw %s, want %s", got.RequestURI, want.URL.RequestURI())
		}
	}
	k := w.proxy.memory.slots[ref].kept.Load()
	if k.form.fields == nil || k.variants[0].fields == nil || k.variants[1].fields == nil || k.variants[2].fields != nil {
		t.Error("what can be prepared is not, or what cannot be is")
	}
}
