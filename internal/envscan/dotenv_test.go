package envscan

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// assigned is what a test can compare: a Secret shows nothing.
type assigned struct {
	Name, Value string
	Line        int
}

func reveal(all []Variable) []assigned {
	var shown []assigned
	for _, v := range all {
		shown = append(shown, assigned{v.Name, v.Value.Reveal(), v.Line})
	}
	return shown
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content string
		want    []assigned
	}{
		"plain":            {"A=1\nB=two\n", []assigned{{"A", "1", 1}, {"B", "two", 2}}},
		"no last newline":  {"A=1", []assigned{{"A", "1", 1}}},
		"export":           {"export A=1\n\texport  B=2\n", []assigned{{"A", "1", 1}, {"B", "2", 2}}},
		"called export":    {"export=1\nexport =2\nexported=3", []assigned{{"export", "1", 1}, {"export", "2", 2}, {"exported", "3", 3}}},
		"spaces":           {"  A = 1 \t\nB=\t2", []assigned{{"A", "1", 1}, {"B", "2", 2}}},
		"comments":         {"# A=0\nA=1 # one\nB=x#y\nC=# nothing\n", []assigned{{"A", "1", 2}, {"B", "x#y", 3}, {"C", "", 4}}},
		"empty":            {"A=\nB=''\nC=\"\"\n", []assigned{{"A", "", 1}, {"B", "", 2}, {"C", "", 3}}},
		"single quotes":    {`A='x # y "z" \n $B'` + "\n", []assigned{{"A", `x # y "z" \n $B`, 1}}},
		"double quotes":    {`A="x # y 'z' \"q\" \n\t\$B \\ \d"`, []assigned{{"A", "x # y 'z' \"q\" \n\t$B \\ \\d", 1}}},
		"backquotes":       {"A=`it's \"x\"`", []assigned{{"A", `it's "x"`, 1}}},
		"after the quote":  {"A=\"x\" # B=2\nC=3", []assigned{{"A", "x", 1}, {"C", "3", 2}}},
		"several lines":    {"A=\"one\ntwo\"\nB='three\n\nfour'\nC=5", []assigned{{"A", "one\ntwo", 1}, {"B", "three\n\nfour", 3}, {"C", "5", 6}}},
		"open quote":       {"A=\"x\nB=2\n", []assigned{{"A", `"x`, 1}, {"B", "2", 2}}},
		"quote inside":     {"A=it's\nB=2's", []assigned{{"A", "it's", 1}, {"B", "2's", 2}}},
		"CRLF":             {"A=1\r\nB=\"x\r\ny\"\r\nC=3\r\n", []assigned{{"A", "1", 1}, {"B", "x\ny", 2}, {"C", "3", 4}}},
		"CR":               {"A=1\rB=2\r", []assigned{{"A", "1", 1}, {"B", "2", 2}}},
		"byte order mark":  {"\ufeffA=1\n", []assigned{{"A", "1", 1}}},
		"equals in value":  {"A=a=b==\n", []assigned{{"A", "a=b==", 1}}},
		"no assignment":    {"hello\n=1\n1A=2\nA-B=3\nif [ x = y ]; then\nA\nB=4", []assigned{{"B", "4", 7}}},
		"unknown letters":  {"É=1\nA=ü\n", []assigned{{"A", "ü", 2}}},
		"not expanded":     {"A=$HOME\nB=\"${A}\"", []assigned{{"A", "$HOME", 1}, {"B", "${A}", 2}}},
		"the same twice":   {"A=1\nA=2", []assigned{{"A", "1", 1}, {"A", "2", 2}}},
		"backslash at end": {`A="x\`, []assigned{{"A", `"x\`, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, reveal(Parse([]byte(test.content)))); diff != "" {
				t.Errorf("Parse(%q): (-want +got)\n%s", test.content, diff)
			}
		})
	}
}

// quoteDouble writes a value so that any loader reads it back.
func quoteDouble(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, `$`, `\$`).Replace(value) + `"`
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"A=1\nexport B='x y' # c\n", "\ufeffA=\"a\\nb\"\r\nB=`c`\r", "A='\n'\nB=\"", "export\nexport=\n=\n#\n", "A=\"\\",
	} {
		f.Add(seed, "value of 'some' \"kind\"\r\n$\\")
	}
	f.Fuzz(func(t *testing.T, content, value string) {
		all := Parse([]byte(content))
		lines := strings.Count(strings.ReplaceAll(strings.ReplaceAll(content, "\r\n", "\n"), "\r", "\n"), "\n") + 1
		if !slices.IsSortedFunc(all, func(a, b Variable) int { return a.Line - b.Line }) {
			t.Error("the lines are out of order")
		}
		for _, v := range all {
			if !isName(v.Name) || v.Line < 1 || v.Line > lines {
				t.Errorf("%q in line %d of %d", v.Name, v.Line, lines)
			}
		}
		if !utf8.ValidString(value) {
			return
		}
		want := []assigned{{"BEFORE", "1", 1}, {"VALUE", value, 2}, {"AFTER", "2", 3}}
		got := reveal(Parse([]byte("BEFORE=1\nexport VALUE=" + quoteDouble(value) + " # comment\nAFTER=2\n")))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestPlaceholdersAreNoCredentials(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"", "x", "authsome-proxy-managed", "${TOKEN}", "$TOKEN", "<token>", "your-api-key", "YOUR_API_KEY_HERE", "changeme",
		"sk-...", "xxxxxxxxxxxx", "************", "op://vault/item/field", "{{ token }}", "sk-example", "replace-me",
	} {
		if !IsPlaceholder(Environment([]string{"A=" + value})[0].Value) {
			t.Errorf("%q is taken for a credential", value)
		}
	}
	for _, value := range []string{"sk-A1b2C3d4", "ghp_0123456789abcdefghij", "0f3a9c"} {
		if IsPlaceholder(Environment([]string{"A=" + value})[0].Value) {
			t.Errorf("%q is taken for a placeholder", value)
		}
	}
}

func TestNamesAreMadeOfPlaces(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"": "environment", ".env": "shop", ".env.local": "shop", ".envrc": "shop", ".env.production": "production",
		"services/api/.env": "services-api", "services/api/.env.staging": "services-api-staging",
		"a b/ü/.env": "a-b", "-/.env": "shop", strings.Repeat("deep/", 30) + ".env": strings.Repeat("deep-", 12) + "deep",
	} {
		got := Variable{File: file}.NameHint("shop")
		if string(got) != want {
			t.Errorf("%q: got %q, want %q", file, got, want)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	f.Add("services/api")
	f.Add("-.é")
	f.Add(strings.Repeat("x", 70))
	f.Fuzz(func(t *testing.T, s string) {
		if err := SafeName(s).Validate(); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}
