package policy

import (
	"slices"
	"strings"
	"testing"
)

const runFile = `// what agents may do here
{
	"only": ["github", /* and */ "slack"],
	"connections": "github=work",
	"allow": [
		"GET api.github.com/**",
		"POST api.github.com/repos/*/*/issues", // to report
	],
	"deny": "DELETE *",
	"read_only": false,
	"unmatched": "deny",
	"rate": "60/min"
}
`

func TestFileSaysWhereEachEntryStands(t *testing.T) {
	t.Parallel()
	o, err := ParseFile("run.jsonc", []byte(runFile))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, list := range [][]Entry{o.Only, o.Connections, o.Allow, o.Deny, {o.Unmatched}, o.Rates} {
		for _, e := range list {
			got = append(got, e.At+" "+e.Text)
		}
	}
	want := []string{
		"run.jsonc:3 github", "run.jsonc:3 slack", "run.jsonc:4 github=work", "run.jsonc:6 GET api.github.com/**",
		"run.jsonc:7 POST api.github.com/repos/*/*/issues", "run.jsonc:9 DELETE *", "run.jsonc:11 deny", "run.jsonc:12 60/min",
	}
	if !slices.Equal(got, want) || o.ReadOnly != "" {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFileWithAMistakeIsRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		"{\n\"denny\": []}":                 "f:2: \"denny\" is not known",
		"{\n\"deny\": []}":                  "f:2: deny is empty",
		"{\"deny\": [1]}":                   "f:1: deny is a string",
		"{\"read_only\": \"yes\"}":          "f:1: read_only is true or false",
		"[]":                                "f:1: it is to be a JSON object",
		"":                                  "f:1: it is to be a JSON object",
		"{\"deny\": \"x\"":                  "f:1: the file ends too early",
		"{\"deny\":\"x\",\n\"deny\":\"y\"}": "f:2: \"deny\" occurs twice",
		"{}\n{}":                            "f:2: something follows",
		"{\n\"deny\" \"x\"}":                "f:2: a colon belongs here, and there is",
		"{\n\"deny\": [\"x\"\n\"y\"]}":      "f:3: a comma or ] belongs here, and there is",
		"{\ndeny: \"x\"}":                   "f:2: a name in double quotes belongs here, and there is 'd'",
		"{\"deny\": tru":                    "f:1: the file ends too early",
		"nothing":                           "f:1: it is to be a JSON object: a value",
	} {
		if _, err := ParseFile("f", []byte(doc)); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", doc, err, want)
		}
	}
	for _, o := range []Options{
		{Deny: []Entry{{"a.test/", "f:7"}}}, {Allow: []Entry{{"", "f:7"}}}, {Rates: []Entry{{"5", "f:7"}}}, {Unmatched: Entry{"no", "f:7"}},
	} {
		if _, err := Combine(o); err == nil || !strings.HasPrefix(err.Error(), "f:7: ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestOriginsAddUp(t *testing.T) {
	t.Parallel()
	flags := Options{Allow: []Entry{{"a.test", "--allow"}}, Only: []Entry{{"x", "--only"}, {"y", "--only"}}, Unmatched: Entry{"allow", "--unmatched"}}
	file := Options{
		Allow: []Entry{{"GET *", "f:1"}}, Deny: []Entry{{"b.test", "f:2"}}, ReadOnly: "f:3", Unmatched: Entry{"deny", "f:4"},
		Only: []Entry{{"y", "f:5"}},
	}
	cfg, err := Combine(flags, file)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Allow) != 2 || len(cfg.Deny) != 1 || cfg.ReadOnly != "f:3" || cfg.NoUnmatched != "f:4" {
		t.Errorf("%+v", cfg)
	}
	if !Permits("y", flags, file) {
		t.Error("y is not permitted")
	}
	if Permits("x", flags, file) || Permits("z", flags) || !Permits("z") {
		t.Error("x or z is permitted")
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte(runFile))
	f.Add([]byte(`{"deny": ["a.test"], "read_only": true}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		o, err := ParseFile("f", doc)
		if err != nil {
			return
		}
		for _, list := range [][]Entry{o.Only, o.Connections, o.Allow, o.Deny, o.Rates} {
			for _, e := range list {
				if e.Text == "" || !strings.HasPrefix(e.At, "f:") {
					t.Fatalf("%q: %+v", doc, e)
				}
			}
		}
		_, _ = Combine(o)
	})
}
