package policy

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"authsome"
)

// The matcher agrees with a regular expression made of the pattern.
func TestMatcherAgreesWithARegularExpression(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test that can be repeated
	word := func(words ...string) string { return words[rnd.IntN(len(words))] }
	matches := 0
	for range 100_000 {
		var pattern, segments []string
		for range 1 + rnd.IntN(5) {
			pattern = append(pattern, word("a", "b", "ab", "*", "a*", "*b", "a*b", "*a*", "**"))
		}
		for range rnd.IntN(6) {
			segments = append(segments, word("a", "b", "ab", "ba", "aab", "abb"))
		}
		got := matchSegments(pattern, segments, segmentMatcher(false, false))
		if want := expression(pattern).MatchString("/" + strings.Join(append(segments, ""), "/")); got != want {
			t.Fatalf("%v and %v: got %v, want %v", pattern, segments, got, want)
		}
		if got {
			matches++
		}
		if broad := matchSegments(pattern, segments, segmentMatcher(true, true)); got && !broad {
			t.Fatalf("%v and %v: what is allowed would not be denied", pattern, segments)
		}
	}
	if matches < 1000 {
		t.Errorf("only %d of the cases match", matches)
	}
}

// expression makes a pattern one over paths whose segments all end in a slash.
func expression(pattern []string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A/`)
	for _, p := range pattern {
		if p == "**" {
			b.WriteString(`([^/]+/)*`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, `[^/]*`) + "/")
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// FuzzParseRule shows that a rule which is accepted can be written down and read again.
func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"GET a.test/x", "a.test", "GET,POST *.a.test:8443/a/*/**", "* *", "[::1]:*/x", "a.test/%41"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRule(s, "here")
		if err != nil {
			return
		}
		again, err := ParseRule(r.String(), "here")
		if err != nil || again.String() != r.String() {
			t.Fatalf("%q is written as %q, which is %v: %v", s, r, again, err)
		}
		if r.HasPath() && len(r.path) == 0 {
			t.Fatalf("%q is about some paths, and about none", s)
		}
	})
}

// FuzzPath shows that no spelling of a path gets past a rule: what is let through leads below the prefix that is allowed, and not
// below the one that is denied, however often a server decodes it and resolves its dots.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"/pub/a", "/pub/../admin", "/pub/%2e%2e/admin", "/pub/..%2fadmin", "/pub/%252e%252e%252fadmin", "/pub//x", "/pub;/admin",
		"/ADMIN", "/%61dmin/", "/pub%5c..%5cadmin", "/admin.json", "/pub/%c0%ae", "/pub/.%00./x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.ParseRequestURI("https://a.test/" + strings.TrimPrefix(s, "/"))
		if err != nil || u.Host != "a.test" {
			return
		}
		request := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}}
		allowed := policyOf(t, "allow a.test/pub/**").For("https", "a.test", "443", true).Check(request, authsome.Ref{}) == nil
		denied := policyOf(t, "deny a.test/admin/**").For("https", "a.test", "443", true).Check(request, authsome.Ref{}) != nil
		for _, as := range served(u.EscapedPath()) {
			if allowed && as != "/pub" && !strings.HasPrefix(as, "/pub/") {
				t.Errorf("%q is let through, and is %q to some", s, as)
			}
			if lower := strings.ToLower(as); !denied && (lower == "/admin" || strings.HasPrefix(lower, "/admin/")) {
				t.Errorf("%q is let through, and is %q to some", s, as)
			}
		}
	})
}

// served returns what servers may make of an escaped path.
func served(escaped string) []string {
	var all []string
	for range 3 {
		slashes := strings.ReplaceAll(escaped, `\`, "/")
		var bare []string
		for segment := range strings.SplitSeq(slashes, "/") {
			segment, _, _ = strings.Cut(segment, ";")
			bare = append(bare, segment)
		}
		all = append(all, path.Clean("/"+slashes), path.Clean("/"+strings.Join(bare, "/")))
		decoded, err := url.PathUnescape(escaped)
		if err != nil {
			break
		}
		escaped = decoded
	}
	return all
}
