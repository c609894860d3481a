package loopback

import (
	"regexp"
	"strings"
	"testing"
)

// readable turns what was written for JavaScript into what Go reads alike.
func readable(pattern string) string {
	return regexp.MustCompile(`\\u\{([0-9a-f]+)\}`).ReplaceAllString(pattern, `\x{$1}`)
}

func TestPatternsForBrowsersMatchTheSame(t *testing.T) {
	t.Parallel()
	for expression, samples := range map[string][]string{
		`sk-[\w-]{3,5}`:        {"sk-abc", "sk-a-_9x", "sk-ab", "sk-abcdef", "xsk-abc"},
		`(a|b{2})+c?.`:         {"abbc!", "bb!", "b!", ""},
		`[[:alnum:]]{2}\.\d*`:  {"a1.", "a1.99", "a1x"},
		`AC[0-9a-f]{4}`:        {"ACffff", "acffff"},
		`ghp_[A-Za-z0-9]{4,}|`: {"", "ghp_abcd", "ghp_abc"},
	} {
		pattern, ok := browserPattern(expression)
		if !ok {
			t.Errorf("%s is not written", expression)
			continue
		}
		want, got := regexp.MustCompile(`\A(?:`+expression+`)\z`), regexp.MustCompile(`\A(?:`+readable(pattern)+`)\z`)
		for _, s := range samples {
			if want.MatchString(s) != got.MatchString(s) {
				t.Errorf("%s as %s judges %q otherwise", expression, pattern, s)
			}
		}
	}
	for _, expression := range []string{`(?i)abc`, `\bkey`, `^a$`, `(`} {
		if pattern, ok := browserPattern(expression); ok {
			t.Errorf("%s became %s", expression, pattern)
		}
	}
}

func FuzzBrowserPattern(f *testing.F) {
	f.Add(`sk-[\w-]+`, "sk-1")
	f.Add(`(a|b)*c{2,3}?`, "abcc")
	f.Add(`[^a]`, "b")
	f.Fuzz(func(t *testing.T, expression, s string) {
		want, err := regexp.Compile(`\A(?:` + expression + `)\z`)
		if err != nil || strings.Contains(s, "\n") {
			return
		}
		pattern, ok := browserPattern(expression)
		if !ok {
			return
		}
		got, err := regexp.Compile(`\A(?:` + readable(pattern) + `)\z`)
		if err != nil {
			return // Go bounds repetitions that JavaScript does not
		}
		if want.MatchString(s) != got.MatchString(s) {
			t.Errorf("%q as %q judges %q otherwise", expression, pattern, s)
		}
	})
}
