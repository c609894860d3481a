package provider

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authsome"
)

func lookup(t *testing.T, name authsome.ProviderName) *authsome.Provider {
	t.Helper()
	p, err := Open("").Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestExpandPutsTheBaseURLIntoEveryEndpoint(t *testing.T) {
	t.Parallel()
	p := lookup(t, "gitlab")
	for base, want := range map[string]string{
		"":                              "https://gitlab.com/oauth/token",
		"https://git.acme.test":         "https://git.acme.test/oauth/token",
		"https://acme.test:8443/git///": "https://acme.test:8443/git/oauth/token",
		"http://127.0.0.1:8080":         "http://127.0.0.1:8080/oauth/token",
	} {
		o, err := Expand(p, base)
		if err != nil {
			t.Fatal(err)
		}
		if o.TokenURL != want {
			t.Errorf("%q: got %s, want %s", base, o.TokenURL, want)
		}
	}
	if p.OAuth.TokenURL != "{base_url}/oauth/token" {
		t.Error("the definition has been changed")
	}
}

func TestExpandPutsTheBaseURLIntoParameters(t *testing.T) {
	t.Parallel()
	p := lookup(t, "auth0")
	o, err := Expand(p, "https://acme.eu.auth0.com/")
	if err != nil {
		t.Fatal(err)
	}
	const want = "https://acme.eu.auth0.com/api/v2/"
	if o.AuthorizeParams["audience"] != want || o.DeviceParams["audience"] != want {
		t.Errorf("got %v and %v", o.AuthorizeParams, o.DeviceParams)
	}
	if p.OAuth.AuthorizeParams["audience"] != "{base_url}/api/v2/" {
		t.Error("the definition has been changed")
	}
	if _, err := Expand(p, ""); authsome.KindOf(err) != authsome.KindUsage {
		t.Errorf("without a base URL: %v", err)
	}
}

// Tokens are sent to these, and issued there: the proxy must keep out of it.
func TestExchangeAndRenewalAreNoPlacesForTheCredential(t *testing.T) {
	t.Parallel()
	hosts, excluded, err := Patterns(lookup(t, "instagram"), "", "")
	if err != nil {
		t.Fatal(err)
	}
	c := authsome.Credential{Hosts: hosts, Excluded: excluded}
	for target, want := range map[string]bool{
		"https://graph.instagram.com/me": true, "https://graph.instagram.com/access_token": false,
		"https://graph.instagram.com/refresh_access_token": false,
	} {
		if got := c.Allows(mustURL(t, target)); got != want {
			t.Errorf("%s: %t", target, got)
		}
	}
}

func TestExpandLeavesTheLongLivedTokenOfTheDefinitionAlone(t *testing.T) {
	t.Parallel()
	p := mustParse(t, readDocuments(t, "testdata/commented.jsonc")["commented.jsonc"])
	o, err := Expand(p, "https://own.acme.test")
	if err != nil {
		t.Fatal(err)
	}
	if o.LongLived.ExchangeURL != "https://own.acme.test/exchange" || p.OAuth.LongLived.ExchangeURL != "{base_url}/exchange" {
		t.Errorf("got %q, and %q in the definition", o.LongLived.ExchangeURL, p.OAuth.LongLived.ExchangeURL)
	}
}

func TestExpandRefusesABaseURLThatSecretsMustNotGoTo(t *testing.T) {
	t.Parallel()
	p := lookup(t, "gitlab")
	for _, base := range []string{
		"http://git.acme.test", "git.acme.test", "ftp://git.acme.test", "https://", "https://a@git.acme.test", "https://git.acme.test?x",
		"https://git.acme.test#x", "https://{base_url}", "javascript:alert(1)",
	} {
		if o, err := Expand(p, base); authsome.KindOf(err) != authsome.KindUsage || err == nil {
			t.Errorf("%s: got %+v, %v", base, o, err)
		}
		if _, _, err := Patterns(p, base, ""); err == nil {
			t.Errorf("%s: patterns are given", base)
		}
	}
}

func TestExpandAsksForABaseURLWhereNoneIsKnown(t *testing.T) {
	t.Parallel()
	p := mustParse(t, with(t, baseDocument, "oauth.token_url", `"{base_url}/token"`))
	if _, err := Expand(p, ""); authsome.KindOf(err) != authsome.KindUsage {
		t.Errorf("got %v", err)
	}
	if _, err := Expand(lookup(t, "openai"), ""); authsome.KindOf(err) != authsome.KindUsage {
		t.Errorf("got %v", err)
	}
}

// A token of a company's own instance is worth nothing at the public one, and must not be shown to it.
func TestForeignBaseURLKeepsThePublicServiceOut(t *testing.T) {
	t.Parallel()
	p := lookup(t, "github")
	const base = "https://github.acme.test"
	hosts, _, err := Patterns(p, base, "")
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]bool{
		"https://github.acme.test/api/v3/user": true,
		"https://github.acme.test/login":       false,
		"https://api.github.com/user":          false,
		"https://github.com/api/v3":            false,
	} {
		if got := authsome.MatchAny(hosts, mustURL(t, s)); got != want {
			t.Errorf("%s: got %v", s, got)
		}
	}
	o, err := Expand(p, base)
	if err != nil {
		t.Fatal(err)
	}
	if o.RevocationURL != base+"/api/v3/applications/{client_id}/token" || o.DeviceAuthorizationURL != base+"/login/device/code" {
		t.Errorf("got %+v", o)
	}
	p.OAuth.Elsewhere = nil
	if o, err = Expand(p, base); err != nil || o.RevocationURL != "" {
		t.Errorf("the public service is asked to revoke a token of another: %q, %v", o.RevocationURL, err)
	}
	microsoft, _, err := Patterns(lookup(t, "microsoft"), "https://login.microsoftonline.com/acme.test", "")
	if err != nil || !authsome.MatchAny(microsoft, mustURL(t, "https://graph.microsoft.com/v1.0/me")) {
		t.Errorf("another tenant loses the API host: %v", err)
	}
}

func TestGitHubAppElsewhere(t *testing.T) {
	t.Parallel()
	p := lookup(t, "github-app")
	for base, want := range map[string][2]string{
		"":                          {"https://api.github.com/app/installations", "https://api.github.com/installation/token"},
		"https://github.com":        {"https://api.github.com/app/installations", "https://api.github.com/installation/token"},
		"https://github.acme.test/": {"https://github.acme.test/api/v3/app/installations", "https://github.acme.test/api/v3/installation/token"},
	} {
		o, err := Expand(p, base)
		if err != nil || o.TokenURL != want[0] || o.RevocationURL != want[1] {
			t.Errorf("%q: got %s and %s, %v", base, o.TokenURL, o.RevocationURL, err)
		}
	}
	hosts, excluded, err := Patterns(p, "https://github.acme.test", "")
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]bool{
		"https://github.acme.test/api/v3/repos/a/b": true,
		"https://github.acme.test/login":            false,
		"https://api.github.com/repos/a/b":          false,
	} {
		if got := authsome.MatchAny(hosts, mustURL(t, s)); got != want {
			t.Errorf("%s: got %v", s, got)
		}
	}
	token := mustURL(t, "https://github.acme.test/api/v3/app/installations")
	covered := false
	for _, e := range excluded {
		covered = covered || e.Covers(token)
	}
	if !covered {
		t.Errorf("credentials may go to where tokens are asked for; excluded are %v", excluded)
	}
}

func TestPatternsExcludeTheProvidersOwnEndpoints(t *testing.T) {
	t.Parallel()
	for name, own := range map[authsome.ProviderName][]string{
		"google":  {"https://oauth2.googleapis.com/token", "https://oauth2.googleapis.com//%74oken", "https://oauth2.googleapis.com/revoke"},
		"github":  {"https://api.github.com/applications/abc/token", "https://api.github.com/applications/abc/grant"},
		"slack":   {"https://slack.com/api/oauth.v2.access", "https://slack.com/api/auth.revoke?x", "https://slack.com/api//oauth.v2.access"},
		"discord": {"https://discord.com/api/oauth2/token", "https://discord.com/api/OAuth2/token/revoke"},
		"x":       {"https://api.x.com/2/oauth2/token", "https://api.x.com/2/x/..%2foauth2/revoke"},
		"notion":  {"https://api.notion.com/v1/oauth/token", "https://api.notion.com/v1/oauth/authorize"},
	} {
		hosts, excluded, err := Patterns(lookup(t, name), "", "")
		if err != nil {
			t.Fatal(err)
		}
		c := authsome.Credential{Hosts: hosts, Excluded: excluded}
		for _, s := range own {
			if c.Allows(mustURL(t, s)) {
				t.Errorf("%s may be sent to %s", name, s)
			}
		}
	}
}

// A place that takes or issues credentials gets none, whichever it is.
func TestEveryEndpointIsExcluded(t *testing.T) {
	t.Parallel()
	at := func(name string) string { return "https://api.acme.test/oauth/" + name }
	p := &authsome.Provider{
		Name: "acme", AuthType: authsome.AuthTypeOAuth2, Hosts: []string{"api.acme.test"},
		OAuth: &authsome.OAuth{
			AuthorizationURL: at("authorize"), TokenURL: at("token"), RefreshURL: at("refresh"), RevocationURL: at("revoke"),
			DeviceAuthorizationURL: at("device"), RegistrationEndpoint: at("register"), PushedAuthorizationURL: at("par"),
			IntrospectionURL: at("introspect"),
		},
	}
	hosts, excluded, err := Patterns(p, "", "")
	if err != nil {
		t.Fatal(err)
	}
	c := authsome.Credential{Hosts: hosts, Excluded: excluded}
	for _, name := range []string{"authorize", "token", "refresh", "revoke", "device", "register", "par", "introspect"} {
		if c.Allows(mustURL(t, at(name))) {
			t.Errorf("the credential may be sent to %s", at(name))
		}
	}
	if !c.Allows(mustURL(t, at("userinfo"))) {
		t.Error("the credential may not be sent to another path there")
	}
}

func TestInjectionFollowsTheDefinition(t *testing.T) {
	t.Parallel()
	for name, want := range map[authsome.ProviderName]authsome.Injection{
		"github":    {Header: "Authorization", Prefix: "Bearer "},
		"openai":    {Header: "Authorization", Prefix: "Bearer "},
		"anthropic": {Header: "x-api-key"},
		"livestorm": {Header: "Authorization"},
		"klaviyo": {
			Header: "Authorization", Prefix: "Klaviyo-API-Key ", Defaults: map[string]string{"revision": "2025-07-15"},
		},
		"postmark": {Header: "X-Postmark-Server-Token"},
		"g2":       {Header: "Authorization", Prefix: "Token token="},
		"ashby":    {Header: "Authorization", Prefix: "Basic ", Basic: authsome.BasicUser},
		"lemlist":  {Header: "Authorization", Prefix: "Basic ", Basic: authsome.BasicPassword},
	} {
		if diff := cmp.Diff(want, Injection(lookup(t, name))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestBasicInjectionEncodesTheKeyAsOneHalf(t *testing.T) {
	t.Parallel()
	for name, want := range map[authsome.ProviderName]string{
		"ashby":   "Basic a2V5Og==", // key:
		"lemlist": "Basic OmtleQ==", // :key
	} {
		c := authsome.Credential{Value: authsome.NewSecret("key"), Inject: Injection(lookup(t, name))}
		h, err := c.Header()
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Get("Authorization"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		c.Value = authsome.NewSecret("key\nX: y")
		if h, err := c.Header(); err == nil {
			t.Errorf("%s: a key with a line break is sent: %v", name, h)
		}
	}
}
