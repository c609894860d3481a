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
