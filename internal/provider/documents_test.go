package provider

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/tidwall/jsonc"

	"authsome"
)

// baseDocument is the smallest definition with an OAuth section; keyDocument the smallest with an API key.
const (
	baseDocument = `{"name": "acme", "display_name": "Acme", "auth_type": "oauth2", "flow": "pkce", "host_url": "api.acme.test",
		"oauth": {"authorization_url": "https://acme.test/authorize", "token_url": "https://acme.test/token"}}`
	keyDocument = `{"name": "acme", "display_name": "Acme", "auth_type": "api_key", "flow": "api_key"}`
)

// publishedSchema resolves the schema as users get it.
func publishedSchema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "provider.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func validateBySchema(t *testing.T, schema *jsonschema.Resolved, doc []byte) error {
	t.Helper()
	var v any
	if err := json.Unmarshal(jsonc.ToJSON(doc), &v); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(v)
}

// with returns a document in which the member at a dotted path has another JSON value; an empty one removes it.
func with(t *testing.T, doc, path, value string) []byte {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(doc), &root); err != nil {
		t.Fatal(err)
	}
	names := strings.Split(path, ".")
	at := root
	for _, name := range names[:len(names)-1] {
		inner, ok := at[name].(map[string]any)
		if !ok {
			inner = make(map[string]any)
			at[name] = inner
		}
		at = inner
	}
	last := names[len(names)-1]
	delete(at, last)
	if value != "" {
		var v any
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		at[last] = v
	}
	out, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readDocuments(t *testing.T, pattern string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	docs := make(map[string][]byte)
	for _, f := range files {
		if docs[filepath.Base(f)], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	return docs
}

func mustParse(t *testing.T, doc []byte) *authsome.Provider {
	t.Helper()
	p, err := Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
