package provider

import (
	"net/http"
	"strings"
	"testing"

	"authsome"
)

// Git is given the token as a password, at github.com and at one's own instance; pages of the same host get nothing.
func TestGitHubsTokenIsThePasswordOfGit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ provider, base, host string }{
		{"github", "", "github.com"},
		{"github", "https://git.acme.test", "git.acme.test"},
		{"github-app", "", "github.com"},
		{"github-key", "", "github.com"},
	} {
		p, err := Open("").Lookup(authsome.ProviderName(c.provider))
		if err != nil {
			t.Fatal(err)
		}
		cred := credentialOf(t, p, c.base)
		for _, path := range []string{
			"/o/r.git/info/refs?service=git-upload-pack", "/o/r/info/refs?service=git-receive-pack", "/o/r.git/git-upload-pack",
			"/o/r.git/git-receive-pack", "/o/r.git/info/lfs/objects/batch",
		} {
			if got := authenticated(t, cred, "https://"+c.host+path); got != "x-access-token:t0ken" {
				t.Errorf("%s at %s: %s is authenticated with %q", c.provider, c.host, path, got)
			}
		}
		for _, path := range []string{
			"", "/", "/o", "/o/r", "/o/r/tree/info/refs", "/o/r/blob/main/info/refs", "/login/oauth/access_token", "/o/r.git/info",
			"/o/r.git/info/refsx", "/o//info/refs", "/o/r/../info/refs", "/o/r/%2e%2e/info/refs", "/settings/tokens", "/info/refs",
		} {
			if got := authenticated(t, cred, "https://"+c.host+path); got != "" {
				t.Errorf("%s at %s: %s is authenticated with %q", c.provider, c.host, path, got)
			}
		}
	}
	p, err := Open("").Lookup("github")
	if err != nil {
		t.Fatal(err)
	}
	if got := authenticated(t, credentialOf(t, p, ""), "https://api.github.com/user"); got != "Bearer t0ken" {
		t.Errorf("the API is asked with %q", got)
	}
}

func credentialOf(t *testing.T, p *authsome.Provider, base string) *authsome.Credential {
	t.Helper()
	hosts, excluded, err := Patterns(p, base, "")
	if err != nil {
		t.Fatal(err)
	}
	variants, err := Variants(p, base, "")
	if err != nil {
		t.Fatal(err)
	}
	return &authsome.Credential{
		AuthType: p.AuthType, Value: authsome.NewSecret("t0ken"), Hosts: hosts, Excluded: excluded, Variants: variants, Inject: Injection(p),
	}
}

// authenticated returns what a request goes out with: user and password, or the field; empty: nothing.
func authenticated(t *testing.T, c *authsome.Credential, target string) string {
	t.Helper()
	r := &http.Request{URL: mustURL(t, target), Header: http.Header{}}
	if !c.Allows(r.URL) {
		return ""
	}
	if err := c.Authenticate(r); err != nil {
		t.Fatal(err)
	}
	if user, password, ok := r.BasicAuth(); ok {
		return user + ":" + password
	}
	return r.Header.Get("Authorization")
}

func TestSafePostsAreAtTheDefinitionsHosts(t *testing.T) {
	t.Parallel()
	for _, p := range bundledProviders(t) {
		if _, err := SafePosts(&p, ""); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	for value, problem := range map[string]string{
		`["other.test/x"]`:         "is at none of the hosts",
		`["api.acme.test"]`:        "it is to be host/path",
		`["*/x"]`:                  "it is to be host/path",
		`["api.acme.test/a/../x"]`: "safe_posts[0]",
		`["api.acme.test/x/**"]`:   "",
	} {
		_, err := Parse(with(t, baseDocument, "safe_posts", value))
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, want %q", value, err, problem)
		}
	}
	for value, problem := range map[string]string{
		`[{"hosts": ["git.acme.test/*/x"], "inject": {"user": "x", "password": "{access_token}"}}]`: "",
		`[{"hosts": ["git.acme.test/a*"], "inject": {"header": "X"}}]`:                              "variants[0].hosts[0]",
		`[{"hosts": [], "inject": {"header": "X"}}]`:                                                "variants[0].hosts",
		`[{"hosts": ["git.acme.test"], "inject": {"user": "{api_key}"}}]`:                           "variants[0].inject.user",
		`[{"hosts": ["git.acme.test"], "inject": {"query": {"k": "{access_token}"}}}]`:              "variants[0].inject.query",
	} {
		_, err := Parse(with(t, baseDocument, "variants", value))
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, want %q", value, err, problem)
		}
	}
}
