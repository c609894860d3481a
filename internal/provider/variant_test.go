package provider

import (
	"net/http"
	"strings"
	"testing"

	"authsome"
	"authsome/internal/policy"
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

// Attack 12, of a kind: Slack takes GET for every method of its API.
func TestReadingSlackChangesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []authsome.ProviderName{"slack", "slack-bot", "slack-user"} {
		p := lookup(t, name)
		safe, err := SafePosts(p, "")
		if err != nil {
			t.Fatal(err)
		}
		unsafe, err := UnsafeGets(p, "")
		if err != nil {
			t.Fatal(err)
		}
		reading := policy.New(policy.Config{ReadOnly: "--read-only", SafePosts: safe, UnsafeGets: unsafe}).For("https", "slack.com", "443", true)
		for method, want := range map[string]bool{
			"conversations.list": true, "conversations.history": true, "conversations.replies": true, "conversations.members": true,
			"users.info": true, "users.profile.get": true, "users.lookupByEmail": true, "usergroups.users.list": true, "auth.test": true,
			"search.messages": true, "files.info": true, "reactions.get": true, "chat.getPermalink": true, "team.info": true,
			"chat.scheduledMessages.list": true, "users.getPresence": true,
			"chat.postMessage": false, "chat.delete": false, "conversations.archive": false, "users.profile.set": false, "auth.revoke": false,
			"files.delete": false, "reactions.add": false, "files.getUploadURLExternal": false, "admin.users.remove": false, "apps.uninstall": false,
		} {
			for _, verb := range []string{http.MethodGet, http.MethodPost} {
				r := &http.Request{Method: verb, URL: mustURL(t, "https://slack.com/api/"+method), Header: http.Header{}}
				if why := reading.Judge(r); (why == nil) != want {
					t.Errorf("%s: %s %s is let through: %t", name, verb, method, !want)
				}
			}
		}
	}
}

// Redis by HTTP has its commands in the path, and takes them by GET.
func TestReadingRedisChangesNothing(t *testing.T) {
	t.Parallel()
	const base = "https://eu1-fit-owl-1.upstash.io"
	p := lookup(t, "upstash-redis")
	safe, err := SafePosts(p, base)
	if err != nil {
		t.Fatal(err)
	}
	unsafe, err := UnsafeGets(p, base)
	if err != nil {
		t.Fatal(err)
	}
	reading := policy.New(policy.Config{ReadOnly: "--read-only", SafePosts: safe, UnsafeGets: unsafe}).For("https", "eu1-fit-owl-1.upstash.io", "443", true)
	for path, want := range map[string]bool{
		"/get/a": true, "/mget/a/b": true, "/info": true, "/hgetall/h": true,
		"/set/a/b": false, "/SET/a/b": false, "/flushall": false, "/getdel/a": false, "/": false, "/pipeline": false, "/eval/x/0": false,
	} {
		r := &http.Request{Method: http.MethodGet, URL: mustURL(t, base+path), Header: http.Header{}}
		if why := reading.Judge(r); (why == nil) != want {
			t.Errorf("%s is let through: %t", path, !want)
		}
	}
}

func TestSafePostsAreAtTheDefinitionsHosts(t *testing.T) {
	t.Parallel()
	for _, p := range bundledProviders(t) {
		if _, err := UnsafeGets(&p, ""); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
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
		`[{"hosts": ["git.acme.test"], "inject": {"defaults": {"Authorization": "x"}}}]`:            "variants[0].inject.defaults.Authorization",
	} {
		_, err := Parse(with(t, baseDocument, "variants", value))
		if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, want %q", value, err, problem)
		}
	}
}
