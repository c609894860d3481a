package provider

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authsome"
)

// Bundled definitions are decoded by leanjson, those of the user by encoding/json; they must mean the same.
func TestBundledDefinitionsAreDecodedAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for _, name := range bundledNames() {
		got, err := bundled(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := definitions.ReadFile("definitions/" + string(name) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		want := &authsome.Provider{Source: authsome.SourceBundled, SchemaVersion: SchemaVersion}
		if err := json.Unmarshal(doc, want); err != nil {
			t.Fatal(err)
		}
		complete(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-encoding/json +leanjson):\n%s", name, diff)
		}
	}
}

// What decodes plainly decodes to what encoding/json makes of it.
func TestPlainDecodingIsTheSame(t *testing.T) {
	t.Parallel()
	plain := 0
	for _, name := range bundledNames() {
		doc, err := definitions.ReadFile("definitions/" + string(name) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		plain += comparePlain(t, doc)
	}
	if plain != len(bundledNames()) {
		t.Errorf("%d of %d bundled definitions decode plainly", plain, len(bundledNames()))
	}
	for _, doc := range []string{
		`null`, `[]`, `{} {}`, `{"Name": "x"}`, `{"oauth": {"TOKEN_URL": "https://x.test"}}`, `{"oauth": {"scopes": 1}}`, `{"schema_version": 1.5}`,
	} {
		if comparePlain(t, []byte(doc)) != 0 {
			t.Errorf("%s decodes plainly", doc)
		}
	}
}

// comparePlain returns how many documents decode plainly: one or none.
func comparePlain(t *testing.T, doc []byte) int {
	t.Helper()
	got := decodePlain(doc)
	if got == nil {
		return 0
	}
	if diff := cmp.Diff(decodeAll(&report{}, doc), got); diff != "" {
		t.Errorf("%s (-encoding/json +plain):\n%s", doc, diff)
	}
	return 1
}
