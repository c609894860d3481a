package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/jsonc"

	"authsome"
	"authsome/internal/jsonfault"
	"authsome/internal/leanjson"
)

// maxSize bounds a definition, in bytes.
const maxSize = 1 << 20

// SchemaVersion is the version of the definition format that this package reads.
const SchemaVersion = 1

// Parse decodes and validates a definition: JSON, with comments and trailing commas allowed. Members it does not know
// are ignored. Whatever is wrong with the definition is in a [*ValidationError].
func Parse(doc []byte) (*authsome.Provider, error) {
	if len(doc) > maxSize {
		return nil, fmt.Errorf("parse provider definition: it is larger than %d bytes", maxSize)
	}
	var r report
	data := jsonc.ToJSON(doc)
	p := decodePlain(data)
	if p == nil {
		p = decodeAll(&r, data)
	}
	if p == nil {
		return nil, r.err()
	}
	findDuplicates(&r, data)
	validate(&r, p)
	if err := r.err(); err != nil {
		return nil, err
	}
	complete(p)
	return p, nil
}

// decode reads a definition that is known to be valid.
func decode(doc []byte) (*authsome.Provider, error) {
	p := &authsome.Provider{SchemaVersion: SchemaVersion}
	if _, err := leanjson.Decode(doc, p); err != nil {
		return nil, fmt.Errorf("decode provider definition: %w", err)
	}
	complete(p)
	return p, nil
}

// decodePlain decodes a document with nothing wrong or unusual about it, several times as fast as decodeAll does, and to the same.
// It returns nil for any other.
func decodePlain(data []byte) *authsome.Provider {
	p := &authsome.Provider{SchemaVersion: SchemaVersion}
	if !json.Valid(data) {
		return nil
	}
	if _, err := leanjson.Decode(data, p); err != nil {
		return nil
	}
	return p
}

// complete fills in what follows from the rest.
func complete(p *authsome.Provider) {
	if p.AuthType == authsome.AuthTypeAPIKey && p.APIKey == nil {
		p.APIKey = &authsome.APIKey{HeaderPrefix: "Bearer"}
	}
}

// decodeAll decodes a document as far as its types allow and reports every field that has the wrong one: each is
// removed and the rest decoded again. It returns nil when the document is no JSON object.
func decodeAll(r *report, data []byte) *authsome.Provider {
	for {
		p := &authsome.Provider{SchemaVersion: SchemaVersion}
		err := json.Unmarshal(data, p)
		if err == nil && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
			err = errors.New("it is null")
		}
		if err == nil {
			return p
		}
		mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err)
		if !ok || mistyped.Field == "" {
			r.addf("", "must be a JSON object: %s", jsonfault.Explain(data, err))
			return nil
		}
		at := jsonfault.Locate(data, mistyped)
		rest, path, removed := without(data, mistyped.Field)
		r.mistyped(path, at.Path, "must be %s, got %s", jsonfault.Wanted(mistyped), jsonfault.Found(mistyped))
		if !removed {
			return nil
		}
		data = rest
	}
}

// without removes the member at a path of names, or the outermost one on the way to it that is no object.
func without(data []byte, path string) (rest []byte, removed string, ok bool) {
	var doc map[string]any
	if json.Unmarshal(data, &doc) != nil {
		return nil, "", false
	}
	names := strings.Split(path, ".")
	at := doc
	for i, name := range names {
		inner, isObject := at[name].(map[string]any)
		if i < len(names)-1 && isObject {
			at = inner
			continue
		}
		if _, found := at[name]; !found {
			return nil, "", false
		}
		delete(at, name)
		rest, err := json.Marshal(doc)
		return rest, strings.Join(names[:i+1], "."), err == nil
	}
	return nil, "", false
}
