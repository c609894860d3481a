package provider

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
)

func TestExpressionMustEndInADomainWithOneOwner(t *testing.T) {
	t.Parallel()
	for expr, anchored := range map[string]bool{
		`^api[0-9]+\.github\.com$`:              true,
		`api\.github\.com`:                      true,
		`.*\.example\.com`:                      true,
		`(?:a|b)\.example\.com`:                 true,
		`a\.example\.com|b\.example\.org`:       true,
		`(eu|us)?\.?example\.com`:               false, // "xexample.com" is out, yet "example.com" may follow "eu" directly
		`[a-z]+\.(eu|us)\.example\.com`:         true,
		`[A-C]\.example\.co\.uk`:                true,
		`.+\.googleapis\.com`:                   true,
		`x{2,3}\.example\.com`:                  true,
		`localhost`:                             false,
		`.*googleapis.*`:                        false,
		`.*googleapis\.com`:                     false,
		`.*example\.com`:                        false,
		`api.github.com`:                        false, // the dots match anything
		`.*\.com`:                               false,
		`.*\.co\.uk`:                            false,
		`.*\.github\.io`:                        false,
		`a\.example\.com|.*`:                    false,
		`a\.example\.com.*`:                     false,
		`a\.example\.com(\.evil\.test)?`:        true, // both are somebody's: the author's choice
		`a\.example\.com(\.[a-z]+)?`:            false,
		`.*\.example\.co[m]`:                    true,
		`.*\.example\.c[a-z]+`:                  false,
		`(.*\.)*`:                               false,
		`.*(\.example\.com)+`:                   true,
		`(a?){100}\.example\.com`:               false, // too many to look at
		`(aa|ab|ac|ad){9}\.example\.com`:        false,
		`^$`:                                    false,
		`[^a]`:                                  false,
		`.*\.[a-z]xample\.com`:                  true,
		`.*[.]example[.]com`:                    true,
		`.*\.` + strings.Repeat(`a?`, 80) + `x`: false,
	} {
		if err := checkAnchored(expr); (err == nil) != anchored {
			t.Errorf("%s: got %v, want anchored = %v", expr, err, anchored)
		}
	}
}

// Every match of an accepted expression has one of the endings that made it acceptable.
func FuzzCheckAnchored(f *testing.F) {
	f.Add(`^api[0-9]+\.github\.com$`, "api1.github.com")
	f.Add(`a\.example\.com|b\.example\.org`, "b.example.org")
	f.Add(`.*\.example\.com`, "x.example.com")
	f.Add(`(?i)x.+\.a\.(eu|us)\.co\.uk`, "xy.a.us.co.uk")
	f.Fuzz(func(t *testing.T, expr, host string) {
		if checkAnchored(expr) != nil {
			return
		}
		re, err := regexp.Compile(`\A(?i:` + expr + `)\z`)
		if err != nil || !validName(host) || !re.MatchString(host) {
			return
		}
		parsed, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(endings(parsed.Simplify()), func(e ending) bool {
			return e.text == host || !e.whole && strings.HasSuffix(host, e.text)
		}) {
			t.Fatalf("%q matches %q", expr, host)
		}
	})
}
