package leanjson

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type word string

// shout decodes itself.
type shout string

func (s *shout) UnmarshalJSON(b []byte) error {
	var plain string
	err := json.Unmarshal(b, &plain)
	*s = shout(strings.ToUpper(plain))
	return err
}

type inner struct {
	Word   word           `json:"word"`
	Deeper *inner         `json:"deeper,omitempty"`
	Loud   *shout         `json:"loud"`
	Counts map[word]int64 `json:"counts"`
}

type document struct {
	Name    string           `json:"name"`
	Skipped string           `json:"-"`
	Bare    string           // has no tag
	Size    int              `json:"size"`
	Version uint64           `json:"version"`
	Yes     bool             `json:"yes"`
	At      time.Time        `json:"at,omitzero"`
	Raw     json.RawMessage  `json:"raw"`
	Words   []word           `json:"words"`
	Inner   inner            `json:"inner"`
	Pointed *inner           `json:"pointed"`
	Loud    shout            `json:"loud"`
	By      map[word]inner   `json:"by"`
	Lists   map[string][]int `json:"lists"`
	All     []inner          `json:"all"`
}

var documents = []string{
	`{}`,
	`{"name": "a\u00e9\"", "size": -3, "version": 18446744073709551615, "yes": true, "at": "2026-11-25T10:00:00Z"}`,
	`{"raw": {"any": [1, 2.5e3, null]}, "words": ["a", "b"], "words": ["c"], "loud": "x", "lists": {"a": [1], "b": []}}`,
	`{"inner": {"word": "w", "deeper": {"word": "x", "loud": "y"}, "counts": {"one": 1}, "other": {"a": [{}]}}}`,
	`{"pointed": {"deeper": {}}, "by": {"k": {"word": "v"}}, "all": [{"word": "1"}, {"loud": null}]}`,
	`{"pointed": null, "words": null, "by": null, "inner": null, "name": null, "loud": null, "raw": null, "at": null}`,
	`{"unknown": {"a": 1}, "another": "x", "Skipped": "s", "-": "t"}`,
	" {\n\t\"name\" : \"x\" }\n ",
}

func TestDecodesAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for _, doc := range documents {
		compare(t, []byte(doc))
	}
}

// compare holds Decode against encoding/json, for a document with names that are spelled as the tags are.
func compare(t *testing.T, doc []byte) {
	t.Helper()
	var got, want document
	unknown, err := Decode(doc, &got)
	if wantErr := json.Unmarshal(doc, &want); (err != nil) != (wantErr != nil) {
		t.Fatalf("%s: got error %v, encoding/json has %v", doc, err, wantErr)
	}
	if err != nil {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-encoding/json +got):\n%s", doc, diff)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(doc, &all); err != nil {
		t.Fatal(err)
	}
	for name := range all {
		switch name {
		case "name", "size", "version", "yes", "at", "raw", "words", "inner", "pointed", "loud", "by", "lists", "all":
			delete(all, name)
		}
	}
	if len(all) == 0 {
		all = nil
	}
	if diff := cmp.Diff(all, unknown); diff != "" {
		t.Errorf("%s: unknown members (-want +got):\n%s", doc, diff)
	}
}

func TestRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		``, ` `, `null`, `[]`, `"x"`, `{`, `{"name"`, `{"name":`, `{"name": "x"`, `{"name": "x",}`, `{"name": "x"} {}`, `{"name": "x"}]`,
		`{"name": 1}`, `{"size": "1"}`, `{"size": 1.5}`, `{"version": -1}`, `{"yes": 1}`, `{"words": {}}`, `{"words": [1]}`,
		`{"inner": []}`, `{"by": {"k": 1}}`, `{"at": "yesterday"}`, `{"raw": }`, `{"unknown": tru}`, `{"lists": {"a": [1}}`,
		`{"Name": "x"}`, `{"bare": "x"}`, `{"inner": {"WORD": "x"}}`, `{"counts\u017f": 1, "\u017fize": 1}`,
	} {
		if _, err := Decode([]byte(doc), new(document)); err == nil {
			t.Errorf("%s was decoded", doc)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if !json.Valid(doc) || misspelled(doc) {
			_, _ = Decode(doc, new(document)) // it must not panic
			return
		}
		compare(t, doc)
	})
}

// misspelled reports whether encoding/json may find a field that this package does not: it ignores the case of names.
func misspelled(doc []byte) bool {
	fields := "name size version yes at raw words inner pointed loud by lists all word deeper counts bare skipped"
	misspelled := false
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				for _, field := range strings.Fields(fields) {
					if strings.EqualFold(name, field) && (name != field || field == "bare" || field == "skipped") {
						misspelled = true
					}
				}
				walk(value)
			}
		case []any:
			for _, value := range v {
				walk(value)
			}
		}
	}
	var v any
	if json.Unmarshal(doc, &v) != nil {
		return true
	}
	if _, isObject := v.(map[string]any); !isObject {
		return true // no document at all; encoding/json takes null for one
	}
	walk(v)
	return misspelled || hasDuplicates(doc, v)
}

// hasDuplicates reports whether a document seems to have had members that are lost now: walk has not seen them.
func hasDuplicates(doc []byte, v any) bool {
	again, err := json.Marshal(v)
	return err != nil || bytes.Count(again, []byte(":")) != bytes.Count(doc, []byte(":"))
}
