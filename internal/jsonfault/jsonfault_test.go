package jsonfault_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"authsome/internal/jsonfault"
)

type inner struct {
	Label string         `json:"label"`
	Count int            `json:"count"`
	Map   map[string]int `json:"map"`
}

// own decodes itself, and sees a part of the document only.
type own struct{ Prefix string }

func (o *own) UnmarshalJSON(b []byte) error {
	var doc struct {
		Prefix string  `json:"prefix"`
		Inner  []inner `json:"inner"`
	}
	err := json.Unmarshal(b, &doc)
	o.Prefix = doc.Prefix
	return err
}

type document struct {
	Name    string            `json:"name"`
	On      bool              `json:"on"`
	Size    int64             `json:"size"`
	Ratio   float64           `json:"ratio"`
	Words   []string          `json:"words"`
	Names   map[string]string `json:"names"`
	Inner   inner             `json:"inner"`
	All     []inner           `json:"all"`
	Pointer *string           `json:"pointer"`
	Own     own               `json:"own"`
}

func TestTypesAreNamedAsAuthorsKnowThem(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`[]`:                                     "line 1: the document must be an object, not an array",
		`"x"`:                                    "line 1: the document must be an object, not a string",
		"{\n\"name\": 7}":                        "line 2: name must be a string, not a number",
		"{\n\"NAME\": 7}":                        "line 2: NAME must be a string, not a number",
		"{\n\"name\":\n[\n1]\n}":                 "line 3: name must be a string, not an array",
		"{\n\"on\": \"yes\"\n}":                  "line 2: on must be true or false, not a string",
		"{\"name\": \"\",\n\"size\": 1.5\n}":     "line 2: size must be a whole number, not 1.5",
		`{"size": "1", "name": "x"}`:             "line 1: size must be a whole number, not a string",
		`{"ratio": true}`:                        "line 1: ratio must be a number, not true or false",
		`{"words": "x"}`:                         "line 1: words must be an array, not a string",
		"{\"words\": [\"x\",\n \"y\", 1]}":       "line 2: words[2] must be a string, not a number",
		`{"names": {"a": "b", "c.d": {}}}`:       "line 1: names.c.d must be a string, not an object",
		"{\"inner\": {\n\"count\": \"1\"}}":      "line 2: inner.count must be a whole number, not a string",
		`{"inner": {"map": {"a": 1, "b": 2.5}}}`: "line 1: inner.map.b must be a whole number, not 2.5",
		"{\"all\": [{\"count\": 1}, {\n\"count\": \"1\"}]}": "line 2: all[1].count must be a whole number, not a string",
		`{"pointer": 1}`:                                      "line 1: pointer must be a string, not a number",
		"{\"own\":\n\n{\"prefix\": 1}}":                       "line 3: own.prefix must be a string, not a number",
		"{\"own\":\n{\"inner\": [{}, {\n\"label\": false}]}}": "line 3: own.inner[1].label must be a string, not true or false",
	} {
		err := json.Unmarshal([]byte(doc), new(document))
		if err == nil {
			t.Errorf("%s was decoded", doc)
			continue
		}
		if got := jsonfault.Explain([]byte(doc), err); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", doc, got, want)
		}
	}
}

func TestSyntaxIsExplained(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		``:                     "line 1: it ends too early",
		"{\n\"a\": 1\n":        "line 2: it ends too early",
		"{\n'a': 1}":           `line 2: a name in double quotes belongs here, and there is '\''`,
		"{\"a\": 1,\n}":        "line 2: a name in double quotes belongs here, and there is '}'",
		"{\"a\":\n,":           "line 2: a value belongs here, and there is ','",
		"{\"a\": yes}":         "line 1: a value belongs here, and there is 'y'",
		"{\"a\": 1\n\"b\": 2}": `line 2: a comma or } belongs here, and there is '"'`,
		"{\"a\" 1}":            "line 1: a colon belongs here, and there is '1'",
		"[1 2]":                "line 1: a comma or ] belongs here, and there is '2'",
		"{}\n{}":               "line 2: nothing belongs behind the document, and there is '{'",
		"[\"a\nb\"]":           `line 1: a string ends on the line that it begins on, without control characters, and there is '\n'`,
		`["C:\Users"]`:         `line 1: a backslash in a string is written \\, and there is 'U'`,
		`["\ux"]`:              `line 1: four hexadecimal digits belong behind \u, and there is 'x'`,
		`[tru ]`:               "line 1: a value is true, false, null, a number, or in double quotes, and there is ' '",
		`[trUe]`:               "line 1: a value is true, false, null, a number, or in double quotes, and there is 'U'",
		`[-]`:                  "line 1: the number is not complete, and there is ']'",
		`[1.]`:                 "line 1: the number is not complete, and there is ']'",
		`[1e]`:                 "line 1: the number is not complete, and there is ']'",
		"\x1b[31m":             `line 1: a value belongs here, and there is '\x1b'`,
	} {
		err := json.Unmarshal([]byte(doc), new(any))
		if err == nil {
			t.Errorf("%s was decoded", doc)
			continue
		}
		if got := jsonfault.Explain([]byte(doc), err); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", doc, got, want)
		}
	}
}

// Whatever a person writes, they are told in words of the document, of a line that there is.
func FuzzExplain(f *testing.F) {
	for _, doc := range []string{`{"words": [1]}`, "{\n\"own\": {\"prefix\": 1}}", `{"a" 1}`, `{"names": {"\ud800": 1}}`, `{"all": [[]]}`, `[1 2]`, "\xff", ""} {
		f.Add([]byte(doc))
	}
	program := regexp.MustCompile(`\bjson:|\bGo\b|jsonfault|int64|float64|struct|looking for|literal`)
	f.Fuzz(func(t *testing.T, doc []byte) {
		err := json.Unmarshal(doc, new(document))
		if err == nil {
			return
		}
		got := jsonfault.Explain(doc, err)
		line, said, ok := strings.Cut(strings.TrimPrefix(got, "line "), ": ")
		if !ok || said == "" || strings.HasPrefix(got, "line 0") || len(line) > 9 {
			t.Errorf("%q: %s", doc, got)
		}
		if program.MatchString(got) && !program.Match(doc) {
			t.Errorf("%q: %s", doc, got)
		}
	})
}
