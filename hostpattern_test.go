package authsome_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"authsome"
)

func TestHostPatternMatchesWhatItMeansAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{
			pattern: "api.github.com",
			yes: []string{
				"https://api.github.com", "https://api.github.com/user?x=1", "https://API.GitHub.Com/", "https://api.github.com./",
				"https://api.github.com:443/", "HTTPS://api.github.com/", "https://api.github.com/a/../b",
			},
			no: []string{
				"http://api.github.com/", "https://api.github.com:8443/", "https://api.github.com:0443/", "https://github.com/",
				"https://x.api.github.com/", "https://evil-api.github.com/", "https://apigithub.com/", "https://api.github.com.evil.test/",
				"https://api.github.com@evil.test/", "https://api.github.com%2eevil.test/", "https://api.github.com../",
				"https://api.githüb.com/", "https://api.gıthub.com/", "https://api.github.com%00.evil.test/", "wss://api.github.com/",
				"https://user:password@api.github.com/", `https://api.github.com\@evil.test/`, "//api.github.com/", "https:api.github.com",
			},
		},
		{
			pattern: "*.example.com",
			yes: []string{
				"https://a.example.com/", "https://a.b.example.com/", "https://A.EXAMPLE.com./x", "https://xn--4ca.example.com/",
			},
			no: []string{
				"https://example.com/", "https://.example.com/", "https://evilexample.com/", "https://a..example.com/",
				"https://example.com.evil.test/", "https://a.example.com:444/", "https://ä.example.com/",
				"https://a%20b.example.com/", "https://a/.example.com/",
			},
		},
		{
			// The Kelvin sign folds to k.
			pattern: "*.klaviyo.com",
			yes:     []string{"https://a.klaviyo.com/"},
			no:      []string{"https://a.\u212alaviyo.com/", "https://\u212a.klaviyo.com/"},
		},
		{
			pattern: "api.acme.test:8443",
			yes:     []string{"https://api.acme.test:8443/"},
			no:      []string{"https://api.acme.test/", "https://api.acme.test:443/", "https://api.acme.test:18443/"},
		},
		{
			pattern: "slack.com/api",
			yes: []string{
				"https://slack.com/api", "https://slack.com/api/", "https://slack.com/api/chat.postMessage", "https://slack.com/api/a%2Fb",
				"https://slack.com/api/.well-known", "https://slack.com/api/v1..2/x",
			},
			no: []string{
				"https://slack.com/", "https://slack.com/apis", "https://slack.com/API/x", "https://slack.com/x/api",
				"https://slack.com//api/x", "https://slack.com/api/../admin", "https://slack.com/api/%2e%2e/admin",
				"https://slack.com/api/..%2fadmin", "https://slack.com/api/%252e%252e%252fadmin", "https://slack.com/api/./x",
				`https://slack.com/api/..\admin`, "https://slack.com/api/x%5cy", "https://slack.com/api/..;/admin",
				"https://slack.com/api/.%2e;x=1/admin", "https://slack.com/api/..%00/admin", "https://slack.com/%61pi/x",
				"https://slack.com/api/%25252525252e%25252525252e/x",
			},
		},
		{
			pattern: "https://acme.test:444/v1/",
			yes:     []string{"https://acme.test:444/v1", "https://acme.test:444/v1/x"},
			no:      []string{"https://acme.test/v1/x", "https://acme.test:444/v2"},
		},
		{
			pattern: "http://127.0.0.1:8080/api",
			yes:     []string{"http://127.0.0.1:8080/api/x"},
			no:      []string{"https://127.0.0.1:8080/api/x", "http://127.0.0.1/api", "http://127.1:8080/api", "http://localhost:8080/api"},
		},
		{
			pattern: "https://[::1]:8443",
			yes:     []string{"https://[::1]:8443/", "https://[0:0:0:0:0:0:0:1]:8443/"},
			no:      []string{"https://[::1]/", "https://[::ffff:127.0.0.1]:8443/", "https://[::1%25eth0]:8443/"},
		},
		{
			pattern: `regex:^api[0-9]+\.github\.com$`,
			yes:     []string{"https://api1.github.com/", "https://API22.github.com./"},
			no: []string{
				"https://api.github.com/", "https://api1.github.com.evil.test/", "https://xapi1.github.com/", "http://api1.github.com/",
				"https://api1.github.com:444/", "https://api1xgithub.com/",
			},
		},
		{
			// Without a bar of its own an alternative would escape the anchors.
			pattern: `regex:a\.example\.com|b\.example\.com`,
			yes:     []string{"https://a.example.com/", "https://b.example.com/"},
			no:      []string{"https://a.example.com.evil.test/", "https://evil.test.b.example.com/"},
		},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			t.Parallel()
			p, err := authsome.ParseHostPattern(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range tt.yes {
				if u, err := url.Parse(s); err != nil || !p.Match(u) {
					t.Errorf("%s is not matched (%v)", s, err)
				}
			}
			for _, s := range tt.no {
				if u, err := url.Parse(s); err == nil && p.Match(u) {
					t.Errorf("%s is matched", s)
				}
			}
		})
	}
}

func TestHostPatternRefusesAnOpaqueURL(t *testing.T) {
	t.Parallel()
	p, err := authsome.ParseHostPattern("slack.com/api")
	if err != nil {
		t.Fatal(err)
	}
	u := &url.URL{Scheme: "https", Host: "slack.com", Opaque: "//slack.com/admin", Path: "/api/x"}
	if p.Match(u) {
		t.Error("the path that would be sent is not the one that was matched")
	}
	if !p.Covers(u) {
		t.Error("an exclusion does not cover an opaque URL of its host")
	}
}

func TestParseHostPatternRefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", " ", "api.github.com ", "http://api.github.com", "ftp://x.test", "*", "*.", "*.*.test", "a.*.test", "a*.test",
		"api.githüb.com", "http://[::1", "[api.github.com]", "a..b", ".a", "a.test:0", "a.test:65536", "a.test:https", "a.test:",
		"user@a.test", "a.test?x", "a.test#x", "a.test/..", "a.test/a/./b", "a.test/a//b", "a.test/%2e%2e", `a.test\b`, "a.test/a;b",
		"*.127.0.0.1", "2001:db8::1", "regex:(", "regex:a)|(b", "https://", "https:///api", "a.test:443:444", "a b",
	} {
		if p, err := authsome.ParseHostPattern(s); err == nil {
			t.Errorf("%q is accepted as %+v", s, p)
		}
	}
}

func TestExclusionCoversEverySpellingOfAnEndpoint(t *testing.T) {
	t.Parallel()
	endpoint, err := url.Parse("https://api.acme.test/oauth/token?x=1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := authsome.EndpointPattern(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/oauth/token", "/oauth/token/", "/oauth//token", "//oauth/token", "/oauth/%74oken", "/oauth/%2574oken", "/OAuth/Token",
		"/oauth/./token", "/x/../oauth/token", "/x/%2e%2e/oauth/token", "/oauth;a=b/token;c", `/oauth\token`, "/oauth%2Ftoken",
		"/oauth/token.json", "/oauth/token/sub", "/oauth/token%20", "/oauth/token%00", "/x/..;/oauth/token", "/oauth/token?grant=1",
		"/oauth/token%3Fgrant=1", "/oauth/token%2523x", "/x%3F/../oauth/token", "/oauth/token%23/../x",
	} {
		for _, host := range []string{"api.acme.test", "API.ACME.TEST", "api.acme.test.", "api.acme.test:443"} {
			u, err := url.Parse("https://" + host + path)
			if err != nil {
				t.Fatal(err)
			}
			if !p.Covers(u) {
				t.Errorf("%s is not covered", u)
			}
		}
	}
	for _, s := range []string{
		"https://api.acme.test/oauth", "https://api.acme.test/oauth/tokens", "https://api.acme.test/v1/oauth/token",
		"https://api.acme.test/oauth/token/../users", "https://api.acme.test/oauth%3F/token", "https://other.test/oauth/token", "https://api.acme.test:8443/oauth/token",
	} {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if p.Covers(u) {
			t.Errorf("%s is covered", s)
		}
	}
}

func TestEndpointPatternRefusesCleartext(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"http://acme.test/token", "ftp://acme.test/token", "https:///token", "/token"} {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := authsome.EndpointPattern(u); err == nil {
			t.Errorf("%s is accepted as %s", s, p)
		}
	}
}

func TestZeroHostPatternMatchesNothing(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "https", Host: "a.test"}
	if (authsome.HostPattern{}).Match(u) || (authsome.HostPattern{}).Covers(u) || authsome.MatchAny(nil, u) {
		t.Error("the zero pattern matches")
	}
}

func TestCredentialIsAllowedWhereHostsMatchAndExclusionsDoNotCover(t *testing.T) {
	t.Parallel()
	host, err := authsome.ParseHostPattern("*.googleapis.com")
	if err != nil {
		t.Fatal(err)
	}
	token, err := authsome.EndpointPattern(&url.URL{Scheme: "https", Host: "oauth2.googleapis.com", Path: "/token"})
	if err != nil {
		t.Fatal(err)
	}
	c := &authsome.Credential{Hosts: []authsome.HostPattern{host}, Excluded: []authsome.HostPattern{token}}
	for s, want := range map[string]bool{
		"https://gmail.googleapis.com/gmail/v1/users/me": true,
		"https://oauth2.googleapis.com/tokeninfo":        true,
		"https://oauth2.googleapis.com/token":            false,
		"https://oauth2.googleapis.com//%54oken":         false,
		"https://googleapis.com/":                        false,
	} {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Allows(u); got != want {
			t.Errorf("Allows(%s) = %v, want %v", s, got, want)
		}
	}
}

// A match of a pattern without an expression always is its host, or a name below it at a border of labels.
func FuzzParseHostPattern(f *testing.F) {
	for _, s := range []string{"api.github.com", "*.googleapis.com", "slack.com/api", "http://[::1]:80/x", "a.test:8443"} {
		f.Add(s, "https://a."+strings.TrimPrefix(s, "*.")+"/api/x")
		f.Add(s, "https://evil"+strings.TrimPrefix(s, "*.")+"/%2e%2e/")
	}
	f.Fuzz(func(t *testing.T, pattern, target string) {
		p, err := authsome.ParseHostPattern(pattern)
		if err != nil {
			return
		}
		if again, err := authsome.ParseHostPattern(p.String()); err != nil || again.Host() != p.Host() {
			t.Fatalf("%q does not parse again: %v", pattern, err)
		}
		u, err := url.Parse(target)
		if err != nil || p.Expression() != "" || !p.Match(u) {
			return
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !strings.HasPrefix(pattern, "http://")) {
			t.Fatalf("%q matches %q", pattern, target)
		}
		host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
		below := p.IsWildcard() && strings.HasSuffix(host, "."+p.Host())
		isAddress := strings.Contains(host, ":") // compared by value
		if host != p.Host() && !below && !isAddress || p.IsWildcard() && host == p.Host() {
			t.Fatalf("%q matches the host of %q", pattern, target)
		}
		if !p.Covers(u) {
			t.Fatalf("%q matches %q but does not cover it", pattern, target)
		}
	})
}

func ExampleParseHostPattern() {
	p, err := authsome.ParseHostPattern("*.googleapis.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range []string{
		"https://gmail.googleapis.com/gmail/v1/users/me",
		"https://googleapis.com/",
		"https://evilgoogleapis.com/",
		"http://gmail.googleapis.com/",
	} {
		if u, err := url.Parse(s); err == nil {
			fmt.Println(p.Match(u), s)
		}
	}
	// Output:
	// true https://gmail.googleapis.com/gmail/v1/users/me
	// false https://googleapis.com/
	// false https://evilgoogleapis.com/
	// false http://gmail.googleapis.com/
}
