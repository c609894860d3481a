package policy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"authsome"
)

// policyOf makes a policy of words such as "allow GET a.test/x", "deny a.test", "safe a.test/search", "read-only", "list" (a new
// list of what is allowed) and "unmatched".
func policyOf(t testing.TB, lines ...string) *Policy {
	t.Helper()
	cfg := Config{Allow: [][]Rule{nil}}
	for _, line := range lines {
		word, rest, _ := strings.Cut(line, " ")
		var err error
		var r Rule
		switch word {
		case "allow":
			r, err = ParseRule(rest, "--allow")
			cfg.Allow[len(cfg.Allow)-1] = append(cfg.Allow[len(cfg.Allow)-1], r)
		case "deny":
			r, err = ParseRule(rest, "--deny")
			cfg.Deny = append(cfg.Deny, r)
		case "list":
			cfg.Allow = append(cfg.Allow, nil)
		case "safe":
			var target Target
			target, err = ParseTarget(rest)
			cfg.SafePosts = append(cfg.SafePosts, target)
		case "unsafe":
			var target Target
			target, err = ParseTarget(rest)
			cfg.UnsafeGets = append(cfg.UnsafeGets, target)
		case "read-only":
			cfg.ReadOnly = "--read-only"
		case "unmatched":
			cfg.NoUnmatched = "--unmatched"
		default:
			t.Fatalf("what is %q?", line)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return New(cfg)
}

// requestOf makes a request of "METHOD host/path [Field: value]".
func requestOf(t testing.TB, s string) (r *http.Request, host, port string) {
	t.Helper()
	s, field, _ := strings.Cut(s, " [")
	method, target, _ := strings.Cut(s, " ")
	u, err := url.Parse("https://" + target)
	if err != nil {
		t.Fatal(err)
	}
	r = &http.Request{Method: method, URL: u, Header: http.Header{}}
	if name, value, ok := strings.Cut(strings.TrimSuffix(field, "]"), ": "); ok {
		r.Header[name] = []string{value}
	}
	if port = u.Port(); port == "" {
		port = "443"
	}
	return r, u.Hostname(), port
}

func TestRequestsAreJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rules string
		yes   string // requests, separated by "; "
		no    string
	}{
		{"deny a.test", "GET b.test/", "GET a.test/; POST a.test:8443/x"},
		{"deny DELETE a.test", "GET a.test/x; Get a.test/x", "DELETE a.test/x; delete a.test/x"},
		{"deny *.a.test", "GET a.test/; GET nota.test/", "GET b.a.test/; GET c.b.a.test/"},
		{"deny POST,put *", "GET a.test/", "POST a.test/; PUT b.test/x"},
		{"allow GET a.test", "GET a.test/x", "POST a.test/x; GET b.test/; GET a.test:8443/"},
		{"allow a.test:8443", "GET a.test:8443/", "GET a.test/"},
		{"allow a.test:*", "GET a.test:8443/; GET a.test/", "GET b.test/"},
		{"allow a.test/user", "GET a.test/user; GET a.test/user/", "GET a.test/user/x; GET a.test/User; GET a.test/user.json; GET a.test/"},
		{"allow a.test/repos/*/*", "GET a.test/repos/o/r", "GET a.test/repos/o; GET a.test/repos/o/r/x"},
		{"allow a.test/repos/**", "GET a.test/repos; GET a.test/repos/o/r", "GET a.test/reposx"},
		{"allow a.test/**/x", "GET a.test/x; GET a.test/a/b/x", "GET a.test/x/y"},
		{"allow a.test/r/*.git/info", "GET a.test/r/n.git/info", "GET a.test/r/n/info"},
		{"deny a.test/admin/**", "GET a.test/x", "GET a.test/admin; GET a.test/ADMIN/x; GET a.test/%61dmin/x; GET a.test/admin%2fx; GET a.test/%2561dmin; GET a.test/admin%3fx; GET a.test/admin%23; GET a.test/admin/%253fx"},
		{"deny a.test/admin", "GET a.test/admin/x; GET a.test/adminx", "GET a.test/admin; GET a.test/admin.json; GET a.test/admin/"},
		{"allow a.test/p/*", "GET a.test/p/x; GET a.test/p/a%20b; GET a.test/p/a%3fb%23c", "GET a.test/p/a%2fb; GET a.test/p/%3fx"},
		// attack 11: however it is written, what cannot be compared is refused.
		{"allow a.test/pub/**", "GET a.test/pub/a", "GET a.test/pub/../x; GET a.test/pub/%2e%2e/x; GET a.test/pub/..%2fx; GET a.test/pub/%252e%252e/x; GET a.test/pub;x; GET a.test/pub/..;/x; GET a.test/pub//x; GET a.test/pub%5c..%5cx; GET a.test/pub/%c0%ae%c0%ae/x; GET a.test/pub/..%20/x; GET a.test//pub/x; GET a.test/pub/%00"},
		{"deny a.test/x/**; allow a.test/**", "GET a.test/pub", "GET a.test/pub/../x; GET a.test/pub//x; GET a.test/%78; GET a.test/p%2f..%2fx; GET a.test/pub;/x"},
		{"deny DELETE a.test", "GET a.test/pub/../x; GET a.test/a//b;c", ""}, // no path is ruled, so none is ambiguous
		// attack 12
		{
			"deny DELETE a.test", "POST a.test/x [X-Http-Method-Override: PATCH]; POST a.test/x?method=flickr.photos.search; POST a.test/x?method=GET; POST a.test/x?_methods=DELETE; POST a.test/x?the_method=DELETE",
			"POST a.test/x?method=DELETE; GET a.test/x?a=b&Method=delete; POST a.test/x?_HttpMethod=DELETE; POST a.test/x?.method=DELETE; POST a.test/x?%20%20_method=DELETE; POST a.test/x?+[method=DELETE; POST a.test/x [X-Http-Method-Override: delete]; POST a.test/x [X-Http-Method: DELETE]; POST a.test/x [X-Method-Override: PATCH, DELETE]; POST a.test/x [X_HTTP_METHOD_OVERRIDE: DELETE]; POST a.test/x?_method=DELETE; POST a.test/x?a=b&%5fmethod=%44ELETE; POST a.test/x?a;_Method=delete",
		},
		{"allow GET a.test", "GET a.test/", "GET a.test/ [X-Http-Method-Override: POST]; POST a.test/ [X-Http-Method-Override: GET]"},
		{"allow a.test", "POST a.test/ [X-Http-Method-Override: DELETE]", ""},
		{
			"read-only; safe a.test/search", "GET a.test/x; HEAD a.test/x; OPTIONS a.test/x; POST a.test/search",
			"POST a.test/x; DELETE a.test/x; PATCH a.test/x; PROPFIND a.test/; GET a.test/x [X-Http-Method: PUT]; GET a.test/x?method=post; POST b.test/search; GET a.test/ws [Upgrade: websocket]; POST a.test/search/../x; POST a.test/SEARCH",
		},
		{ // where a method is but a word
			"read-only; unsafe a.test/api/**; safe a.test/api/*.list", "GET a.test/x; GET a.test/api/users.list; POST a.test/api/users.list; OPTIONS a.test/api/x",
			"GET a.test/api/chat.post; HEAD a.test/api/chat.post; GET a.test/API/chat.post; GET a.test/api/chat.post.json; GET a.test/api/%63hat.post; GET a.test/api//chat.post; GET a.test/x?method=post",
		},
		{
			"read-only", "GET a.test/?Action=DescribeInstances; GET a.test/?action=edit; GET a.test/?Action=ListUsers; GET a.test/?Action=",
			"GET a.test/?Action=DeleteUser; GET a.test/?a=b&Action=RunInstances; GET a.test/?%41ction=DeleteUser; GET a.test/?Action=ListUsers&Action=DeleteUser; HEAD a.test/?Action=x",
		},
		// restrictions add up
		{"allow a.test; deny a.test/x", "GET a.test/y", "GET a.test/x"},
		{"allow a.test; allow b.test; list x; allow GET *", "GET a.test/; GET b.test/", "POST a.test/; GET c.test/"},
		{"allow POST a.test; read-only", "", "POST a.test/; GET a.test/"},
	} {
		p := policyOf(t, strings.Split(c.rules, "; ")...)
		for _, list := range []struct {
			requests string
			want     bool
		}{{c.yes, true}, {c.no, false}} {
			for s := range strings.SplitSeq(list.requests, "; ") {
				if s == "" {
					continue
				}
				r, host, port := requestOf(t, s)
				h := p.For("https", host, port, true)
				for range 2 { // what is remembered is no other answer
					if why := h.Check(r, authsome.Ref{}); (why == nil) != list.want {
						t.Errorf("%s: %s: allowed is %v: %+v", c.rules, s, !list.want, why)
					}
				}
			}
		}
	}
}

func TestTunnelsAreJudgedByHostAndPort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rules, target    string
		refused, inspect bool
	}{
		{"deny a.test", "a.test:443", true, false},
		{"deny a.test", "b.test:443", false, false},
		{"deny a.test/x", "a.test:443", false, true},
		{"deny DELETE *", "a.test:443", false, true},
		{"deny DELETE a.test; deny a.test", "a.test:443", true, false},
		{"allow a.test", "a.test:443", false, false},
		{"allow a.test", "a.test:22", true, false},
		{"allow a.test:22", "a.test:22", false, false},
		{"allow a.test", "b.test:443", true, false},
		{"allow GET a.test", "a.test:443", false, true},
		{"allow GET a.test; allow a.test", "a.test:443", false, false},
		{"allow a.test; list x; allow GET a.test", "a.test:443", false, true},
		{"read-only", "a.test:443", false, false},
		{"unmatched", "a.test:443", true, false},
		{"unmatched; allow GET a.test", "a.test:443", true, false},
		{"deny [::ffff:192.0.2.7]", "192.0.2.7:443", true, false},
	} {
		host, port, _ := strings.Cut(c.target, ":")
		h := policyOf(t, strings.Split(c.rules, "; ")...).For("https", host, port, false)
		if got := h.Tunnel() != nil; got != c.refused {
			t.Errorf("%s: %s: refused is %v", c.rules, c.target, got)
		}
		if got := h.Inspects(); got != c.inspect {
			t.Errorf("%s: %s: inspects is %v", c.rules, c.target, got)
		}
	}
}

func TestDenialsSayWhichRuleAndWhere(t *testing.T) {
	t.Parallel()
	r, host, port := requestOf(t, "DELETE a.test/x")
	for rules, want := range map[string]string{
		"deny DELETE  a.test":              "rule|deny DELETE a.test|--deny",
		"allow GET a.test; allow b.test":   "rule|allow GET a.test; allow b.test|--allow",
		"read-only":                        "read_only|read-only|--read-only",
		"deny POST a.test; deny a.test/**": "rule|deny a.test/**|--deny",
	} {
		d := policyOf(t, strings.Split(rules, "; ")...).For("https", host, port, true).Check(r, authsome.Ref{})
		if d == nil {
			t.Errorf("%s: allowed", rules)
			continue
		}
		if got := strings.Join([]string{d.Reason, d.Rule, d.At}, "|"); got != want || d.Status != http.StatusForbidden {
			t.Errorf("%s: %d %s, want %s", rules, d.Status, got, want)
		}
	}
}

func TestWithoutRulesThereIsNothing(t *testing.T) {
	t.Parallel()
	if p := New(Config{Allow: [][]Rule{nil, {}}}); p != nil {
		t.Errorf("no rules make %+v", p)
	}
	var none *Policy
	if h := none.For("https", "a.test", "443", false); h != nil {
		t.Errorf("no policy makes %+v", h)
	}
	if h := policyOf(t, "deny b.test").For("https", "a.test", "443", true); h != nil {
		t.Errorf("a rule about another host makes %+v", h)
	}
	var h *Host
	if h.Inspects() || h.Tunnel() != nil || h.Check(nil, authsome.Ref{}) != nil {
		t.Error("a nil Host says something")
	}
}

func TestNonsenseIsNoRule(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "GET", "GET a b", "G/T a.test", "GET, a.test", "https://a.test", "a.test/", "a.test/a//b", "a.test/../x", "a.test/%2e%2e",
		"a.test/x?y", "a.test/a;b", `a.test\x`, "a.*.test", "a.test:0", "a.test:x", "a.test:99999", "a.test/a**", "ä.test", "*.1.2.3.4",
		"a..test", "regex:a", "a.test/%zz", "[a.test]", ":443",
	} {
		if r, err := ParseRule(s, ""); err == nil {
			t.Errorf("%q is taken for a rule: %+v", s, r)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	r, host, port := requestOf(b, "GET a.test/repos/o/r/issues")
	r.Header = http.Header{"Accept": {"*/*"}, "User-Agent": {"x"}, "Authorization": {"x"}, "X-Request-Id": {"1"}}
	h := policyOf(b, "allow GET a.test/repos/**", "deny DELETE *").For("https", host, port, true)
	b.ReportAllocs()
	for b.Loop() {
		if h.Check(r, authsome.Ref{}) != nil {
			b.Fatal("denied")
		}
	}
}

// The parameter is known in any case of its letters.
func TestMethodInTheQueryIsSeenHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"_method=DELETE", "_METHOD=delete", "a=1&_MeThOd=DELETE", "%5FMETHOD=DELETE", "a;_METHOD=DELETE"} {
		r := &http.Request{Method: "POST", URL: &url.URL{Path: "/", RawQuery: query}}
		if got := overriding(r); !slices.Equal(got, []string{"DELETE"}) {
			t.Errorf("%s: %q", query, got)
		}
	}
}
