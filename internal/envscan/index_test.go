package envscan_test

import (
	"regexp/syntax"
	"strings"
	"testing"

	"authsome"
	"authsome/internal/envscan"
	"authsome/internal/provider"
)

func bundledIndex(t *testing.T) (*envscan.Index, []authsome.Provider) {
	t.Helper()
	all, _, err := provider.Open("").All()
	if err != nil {
		t.Fatal(err)
	}
	return envscan.NewIndex(all), all
}

func TestClaims(t *testing.T) {
	t.Parallel()
	const tail = "0123456789abcdef0123456789abcdef"
	for name, test := range map[string]struct{ variable, value, want string }{
		"key":                    {"OPENAI_API_KEY", "sk-" + tail, "openai api_key"},
		"pattern decides":        {"GITHUB_TOKEN", "ghp_" + tail, "github-key api_key, github access_token"},
		"alias":                  {"GH_TOKEN", "ghp_" + tail, "github-key api_key, github access_token"},
		"pattern does not agree": {"GITHUB_TOKEN", "v1." + tail, "github access_token, github-key api_key"},
		"second key":             {"DD_APP_KEY", tail, "datadog application_key"},
		"client":                 {"GITHUB_CLIENT_SECRET", tail, "github client_secret"},
		"signing key":            {"AWS_SECRET_ACCESS_KEY", tail, "aws secret_access_key"},
		"by its form":            {"MY_BOT", "ghp_" + tail, "github-key api_key ?"},
		"the longest beginning":  {"SOME_KEY", "sk-ant-" + tail, "anthropic api_key ?"},
		"form of nothing":        {"SOME_KEY", tail, ""},
		"unknown":                {"PATH", "/usr/bin:/bin", ""},
		"no token alone":         {"GITHUB_APP_TOKEN", "zzz" + tail, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			index, _ := bundledIndex(t)
			var got []string
			for _, c := range index.Claims(envscan.Variable{Name: test.variable, Value: authsome.NewSecret(test.value)}) {
				s := string(c.Provider.Name) + " " + string(c.Field)
				if c.ByPattern {
					s += " ?"
				}
				got = append(got, s)
			}
			if joined := strings.Join(got, ", "); joined != test.want {
				t.Errorf("got %q, want %q", joined, test.want)
			}
		})
	}
}

// A form tells whose a key is only where keys of other services cannot have it too.
func TestFormsOfOtherKeysAreNotClaimed(t *testing.T) {
	t.Parallel()
	index, all := bundledIndex(t)
	for _, value := range []string{
		strings.Repeat("0a", 16), strings.Repeat("A1b2", 10), strings.Repeat("A1b2", 16), "3b241101-e2bb-4255-8caf-4136c566a962",
		"https://user:password@example.test/path", "a sentence of several words", "/usr/local/bin:/usr/bin",
	} {
		if claims := index.Claims(envscan.Variable{Name: "ANYTHING", Value: authsome.NewSecret(value)}); len(claims) > 0 {
			t.Errorf("%q is claimed by %s", value, claims[0].Provider.Name)
		}
	}
	for _, p := range all {
		for _, f := range p.KeyFields() {
			if _, err := syntax.Parse(f.Pattern, syntax.Perl); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
	}
}
