package authsome_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"authsome"
)

// source hands out one token per generation and refreshes when the API rejected the present one.
type source struct {
	hosts      []authsome.HostPattern
	generation uint64
	tokens     []string
	refreshes  int
}

func (s *source) Credential(
	_ context.Context, ref authsome.Ref, opts authsome.CredentialOptions,
) (*authsome.Credential, error) {
	if opts.Rejected == s.generation && s.generation < uint64(len(s.tokens)) {
		s.generation++
		s.refreshes++
	}
	return &authsome.Credential{
		Ref: ref, Value: authsome.NewSecret(s.tokens[s.generation-1]), Generation: s.generation,
		Inject: authsome.Injection{Prefix: "Bearer "}, Hosts: s.hosts,
	}, nil
}

// api is an HTTPS API that accepts one token, and a transport that reaches it under its own name.
func api(t *testing.T, accept string) (*httptest.Server, authsome.HostPattern) {
	t.Helper()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+accept {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(srv.Close)
	pattern, err := authsome.ParseHostPattern(strings.TrimPrefix(srv.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	return srv, pattern
}

func TestTransportAddsTheCredentialAndReplacesTheCallers(t *testing.T) {
	t.Parallel()
	srv, host := api(t, "one")
	client := http.Client{Transport: &authsome.Transport{
		Source: &source{hosts: []authsome.HostPattern{host}, generation: 1, tokens: []string{"one"}},
		Ref:    authsome.Ref{Provider: "acme"}, Base: srv.Client().Transport,
	}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer placeholder")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the API answered %s", resp.Status)
	}
	if req.Header.Get("Authorization") != "Bearer placeholder" {
		t.Error("the caller's own request was changed")
	}
}

func TestTransportReplaysOnceWithTheNewerCredential(t *testing.T) {
	t.Parallel()
	srv, host := api(t, "two")
	src := &source{hosts: []authsome.HostPattern{host}, generation: 1, tokens: []string{"one", "two"}}
	client := http.Client{Transport: &authsome.Transport{
		Source: src, Ref: authsome.Ref{Provider: "acme"}, Base: srv.Client().Transport,
	}}
	resp, err := client.Post(srv.URL, "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || string(body) != "body" || src.refreshes != 1 {
		t.Errorf("got %s %q after %d refreshes", resp.Status, body, src.refreshes)
	}
}

func TestTransportSendsNothingToOtherHosts(t *testing.T) {
	t.Parallel()
	srv, _ := api(t, "one")
	other, err := authsome.ParseHostPattern("api.acme.test")
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &authsome.Transport{
		Source: &source{hosts: []authsome.HostPattern{other}, generation: 1, tokens: []string{"one"}},
		Ref:    authsome.Ref{Provider: "acme"}, Base: srv.Client().Transport,
	}}
	for name, req := range map[string]*http.Request{
		"another host":        {Method: http.MethodGet, URL: mustParse(t, srv.URL)},
		"cleartext":           {Method: http.MethodGet, URL: mustParse(t, "http://api.acme.test/")},
		"another Host header": {Method: http.MethodGet, URL: mustParse(t, "https://api.acme.test/"), Host: "evil.test"},
	} {
		req.Header = make(http.Header)
		_, err := client.Do(req.WithContext(t.Context()))
		var e *authsome.Error
		if !errors.As(err, &e) || e.Kind != authsome.KindDenied {
			t.Errorf("%s: got %v, want a denial", name, err)
		}
	}
}

func TestCredentialReplacesEverySpellingOfAField(t *testing.T) {
	t.Parallel()
	h := http.Header{
		"authorization": {"a"}, "X_API_KEY": {"b"}, "X-Api-Key": {"c"}, "X-Custom": {"d", "e"}, "x_custom": {"f"}, "Accept": {"*/*"},
	}
	c := authsome.Credential{Value: authsome.NewSecret("v"), Inject: authsome.Injection{Header: "X-Custom"}}
	if err := c.Apply(h); err != nil {
		t.Fatal(err)
	}
	if len(h) != 2 || h.Get("X-Custom") != "v" || len(h["X-Custom"]) != 1 || h.Get("Accept") != "*/*" {
		t.Errorf("got %v", h)
	}
}

func TestCredentialThatBreaksAFieldIsNotSent(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"", "a\r\nX-Evil: 1", "a\nb", "a\x00b", "a\x7f"} {
		h := http.Header{"Authorization": {"placeholder"}}
		c := authsome.Credential{Value: authsome.NewSecret(v)}
		if err := c.Apply(h); err == nil || len(h) != 0 {
			t.Errorf("%q: error %v, header %v", v, err, h)
		}
	}
}

func TestNamesThatCannotBeFileNamesAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "../x", "a/b", "a b", ".hidden", "-x", "ä", "a\n", strings.Repeat("a", 65), `a\b`} {
		ref := authsome.Ref{Provider: authsome.ProviderName(bad)}
		if err := ref.Validate(); authsome.KindOf(err) != authsome.KindUsage {
			t.Errorf("%q: got %v, want a usage error", bad, err)
		}
	}
	good := authsome.Ref{Provider: "keywords-everywhere", Connection: "me+work@example.com", Profile: "team_1"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	if got := good.String(); got != "keywords-everywhere (me+work@example.com)" {
		t.Errorf("got %q", got)
	}
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
