package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authsome"
	"authsome/internal/policy"
)

// policyOf makes a policy of one list of what is denied and one of what is allowed.
func policyOf(t *testing.T, deny, allow []string) *policy.Policy {
	t.Helper()
	var o policy.Options
	for _, s := range deny {
		o.Deny = append(o.Deny, policy.Entry{Text: s, At: "run.jsonc:7"})
	}
	for _, s := range allow {
		o.Allow = append(o.Allow, policy.Entry{Text: s, At: "--allow"})
	}
	cfg, err := policy.Combine(o)
	if err != nil {
		t.Fatal(err)
	}
	return policy.New(cfg)
}

// Attacks 11 and 12: no spelling of a path, and no method in disguise, gets past a rule; nothing of it reaches the server.
func TestNoSpellingGetsPastARule(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		w := newWorld(t)
		server := &seen{}
		w.serve(apiHost, server)
		w.cfg.Policy = policyOf(t, []string{apiHost + "/admin/**", "DELETE " + apiHost}, []string{apiHost + "/pub/**", apiHost + "/admin/**"})
		w.start()
		tr := w.transport(http2)
		for _, path := range []string{
			"/admin", "/ADMIN/x", "/%61dmin", "/pub/%2e%2e/admin", "/pub/..%2fadmin", "/pub/%252e%252e/admin", "/pub//x", "/pub;/admin",
			"/pub/..;/admin", "/pub%5c..%5cadmin", "/other", "/pub/x%2f..%2f..%2fadmin", "//admin",
		} {
			r := request(t, http.MethodGet, "https://"+apiHost, nil)
			r.URL.Path, r.URL.RawPath = mustUnescape(t, path), path
			resp, body := do(t, tr, r)
			if got := refusalOf(t, resp, body); resp.StatusCode != 403 && resp.StatusCode != 400 {
				t.Errorf("http2 %v: %s: %d %v", http2, path, resp.StatusCode, got)
			}
		}
		for _, field := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_Method_Override"} {
			r := request(t, http.MethodPost, "https://"+apiHost+"/pub/x", strings.NewReader("x"))
			r.Header.Set(field, "delete")
			if resp, body := do(t, tr, r); resp.StatusCode != 403 {
				t.Errorf("http2 %v: %s: %d %s", http2, field, resp.StatusCode, body)
			}
		}
		if resp, body := do(t, tr, request(t, http.MethodPost, "https://"+apiHost+"/pub/x?_method=DELETE", nil)); resp.StatusCode != 403 {
			t.Errorf("http2 %v: _method: %d %s", http2, resp.StatusCode, body)
		}
		if n := len(server.all()); n != 0 {
			t.Errorf("http2 %v: %d requests have reached the server", http2, n)
		}
		if resp, body := do(t, tr, request(t, http.MethodGet, "https://"+apiHost+"/pub/x", nil)); resp.StatusCode != 200 {
			t.Errorf("http2 %v: what is allowed: %d %s", http2, resp.StatusCode, body)
		}
	}
}

func mustUnescape(t *testing.T, s string) string {
	t.Helper()
	out, err := url.PathUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestARefusalByRuleSaysSoAndIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve(apiHost, &seen{})
	w.cfg.Policy = policyOf(t, []string{"DELETE " + apiHost + "/**"}, nil)
	w.start()
	resp, body := do(t, w.transport(true), request(t, http.MethodDelete, "https://"+apiHost+"/x?secret=1", nil))
	got := refusalOf(t, resp, body)
	want := map[string]string{
		"error": "denied", "reason": "rule", "rule": "deny DELETE " + apiHost + "/**", "rule_at": "run.jsonc:7", "provider": "example",
		"connection": "work", "hint": policy.Advice, "message": "DELETE " + apiHost + "/x is denied in this run by run.jsonc:7",
	}
	if resp.StatusCode != 403 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %d %v\nwant %v", resp.StatusCode, got, want)
	}
	if !strings.Contains(got["hint"], "do not work around this") {
		t.Error("the refusal does not say that it is not to be worked around")
	}
	events := w.recorder.all()
	if len(events) != 1 || events[0].Name != authsome.EventDeny || events[0].Ref.Provider != "example" ||
		events[0].Detail["rule"] != want["rule"] || events[0].Detail["rule_at"] != "run.jsonc:7" || events[0].Detail["path"] != "/x" {
		t.Errorf("recorded: %+v", events)
	}
	if n := w.source.count(); n != 0 {
		t.Errorf("the source was asked %d times for a request that is refused", n)
	}
}

// A rule about single requests to a host without a route has its connections decrypted, and that is all it does.
func TestHostsOfARuleAreDecryptedAndGetNoCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := &seen{}
	w.serve("other.test", server)
	w.cfg.Policy = policyOf(t, []string{"other.test/x", "169.254.169.254/x"}, nil)
	w.start()
	tr := w.transport(false)
	r := request(t, http.MethodGet, "https://other.test/y", nil)
	r.Header.Set("Authorization", "mine")
	if resp, body := do(t, tr, r); resp.StatusCode != 200 {
		t.Errorf("/y: %d %s", resp.StatusCode, body)
	}
	if resp, body := do(t, tr, request(t, http.MethodGet, "https://other.test/x", nil)); resp.StatusCode != 403 {
		t.Errorf("/x: %d %s", resp.StatusCode, body)
	}
	if got := server.all(); len(got) != 1 || got[0].Header.Get("Authorization") != "mine" {
		t.Errorf("the server has seen %v", got)
	}
	if _, err := tr.RoundTrip(request(t, http.MethodGet, "https://169.254.169.254/y", nil)); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("a forbidden address that a rule names: %v", err)
	}
	if n := w.source.count(); n != 0 {
		t.Errorf("the source was asked %d times", n)
	}
}

func TestExplainSaysWhatTheProxyDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Routes[0].Hosts = patterns(t, apiHost+"/v1")
	w.cfg.Routes[0].Excluded = patterns(t, apiHost+"/v1/token")
	w.cfg.Policy = policyOf(t, []string{"DELETE " + apiHost, "denied.test", "other.test/x"}, nil)
	for in, want := range map[string]string{
		"GET https://api.example.test/v1/x":     "injected example api.example.test/v1",
		"GET https://api.example.test/v1/token": "passed   own",
		"GET https://api.example.test/v2":       "passed  ",
		"DELETE https://api.example.test/v1/x":  "refused example api.example.test/v1 rule",
		"GET http://api.example.test/v1/x":      "refused   cleartext",
		"GET https://denied.test/":              "refused   rule",
		"GET http://denied.test/":               "refused   rule",
		"GET https://other.test/x":              "refused   rule",
		"GET https://other.test/y":              "passed  ",
		"GET https://third.test/":               "tunnelled  ",
		"GET http://third.test/":                "passed  ",
		"GET https://169.254.169.254/":          "refused   forbidden_address",
		"GET https://0x7f.1/":                   "refused   invalid_authority",
		"TRACE https://api.example.test/v1/x":   "refused   trace",
	} {
		method, target, _ := strings.Cut(in, " ")
		r := request(t, method, target, nil)
		e := Explain(w.cfg, r)
		got := strings.Join([]string{string(e.Outcome), string(e.Ref.Provider), e.Pattern, e.Reason}, " ")
		if e.Own {
			got += "own"
		}
		if strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
	if n := w.source.count(); n != 0 {
		t.Errorf("the source was asked %d times", n)
	}
}
