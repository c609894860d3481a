package provider

import (
	"bytes"
	"encoding/json"
)

// findDuplicates reports members that occur twice in one object: decoders differ in which of them counts.
func findDuplicates(r *report, data []byte) {
	dec := json.NewDecoder(bytes.NewReader(data))
	walkValue(r, dec, "")
}

// walkValue reads one value; it stops silently at a syntax error, which the decoder proper reports.
func walkValue(r *report, dec *json.Decoder, path string) bool {
	token, err := dec.Token()
	if err != nil {
		return false
	}
	switch token {
	case json.Delim('{'):
		return walkObject(r, dec, path)
	case json.Delim('['):
		for dec.More() {
			if !walkValue(r, dec, path+"[]") {
				return false
			}
		}
		_, err = dec.Token()
	}
	return err == nil
}

func walkObject(r *report, dec *json.Decoder, path string) bool {
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return false
		}
		member := name
		if path != "" {
			member = path + "." + name
		}
		if seen[name] {
			r.addf(member, "occurs twice")
		}
		seen[name] = true
		if !walkValue(r, dec, member) {
			return false
		}
	}
	_, err := dec.Token()
	return err == nil
}
