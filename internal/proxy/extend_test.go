package proxy

import (
	"net/http/httptrace"
	"testing"

	"authsome/internal/policy"
)

// extendable is a world whose proxy has no routes yet; extend gives it those that newWorld made.
func extendable(t *testing.T, bounds *policy.Policy) (w *world, api *seen, extend func()) {
	t.Helper()
	w = newWorld(t)
	api = &seen{}
	w.serve(apiHost, api)
	w.serve("other.test", &seen{})
	routes := w.cfg.Routes
	w.cfg.Routes, w.cfg.Policy = nil, bounds
	w.start()
	return w, api, func() { w.proxy.Extend(routes, bounds, nil) }
}

func TestTunnelsEndWhenTheirHostsAreLearned(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w, api, extend := extendable(t, nil)
		tr := w.transport(http2)
		do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil))
		do(t, tr, request(t, "GET", "https://other.test/", nil))
		extend()
		// A request that meets the end of its connection may fail; the next one has a connection of its own.
		if resp, err := tr.RoundTrip(request(t, "GET", "https://"+apiHost+"/", nil)); err == nil {
			_ = resp.Body.Close()
		} else {
			do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil))
		}
		got := api.all()
		if first, second := got[0].Header.Get("Authorization"), got[1].Header.Get("Authorization"); first != "" || second != "Bearer token-1" {
			t.Errorf("the API saw %q and then %q", first, second)
		}
		reused := false
		req := request(t, "GET", "https://other.test/", nil)
		do(t, tr, req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused },
		})))
		if !reused {
			t.Error("the tunnel to another host has ended, too")
		}
	})
}

func TestNewRulesHoldForConnectionsThatAreOpen(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w, api, extend := extendable(t, policyOf(t, []string{apiHost + "/admin/**"}, nil))
		tr := w.transport(http2)
		do(t, tr, request(t, "GET", "https://"+apiHost+"/", nil))
		extend()
		reused := false
		req := request(t, "GET", "https://"+apiHost+"/", nil)
		do(t, tr, req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused },
		})))
		got := api.all()
		if first, second := got[0].Header.Get("Authorization"), got[1].Header.Get("Authorization"); first != "" || second != "Bearer token-1" {
			t.Errorf("the API saw %q and then %q", first, second)
		}
		if !reused {
			t.Error("a connection was closed that the proxy could see into")
		}
		if resp, _ := do(t, tr, request(t, "GET", "https://"+apiHost+"/admin/x", nil)); resp.StatusCode != 403 {
			t.Errorf("what was denied before is answered with %d", resp.StatusCode)
		}
	})
}

func TestPlainRequestsToLearnedHostsAreRefused(t *testing.T) {
	t.Parallel()
	w, _, extend := extendable(t, nil)
	extend()
	if resp, _ := do(t, w.transport(false), request(t, "GET", "http://"+apiHost+"/", nil)); resp.StatusCode != 403 {
		t.Errorf("a request in clear text to a host of a provider: %d", resp.StatusCode)
	}
}
